import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

const LIB = fileURLToPath(new URL('../../lib', import.meta.url));

/** What the transport needs. */
const ROOMS = ['.', 'spec', 'transport'];

/** Writes rooms of lib as JavaScript, for tests that need a process of their own. */
export function transpileLib(folder: string, rooms: readonly string[] = ROOMS): string {
  mkdirSync(folder);
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
  symlinkSync(join(LIB, '../node_modules'), join(folder, 'node_modules'));
  for (const room of rooms) {
    for (const file of readdirSync(join(LIB, room)).filter((name) => name.endsWith('.ts'))) {
      const target = join(folder, room, file.replace(/\.ts$/, '.js'));
      mkdirSync(dirname(target), { recursive: true });
      const { outputText } = ts.transpileModule(readFileSync(join(LIB, room, file), 'utf8'), {
        compilerOptions: { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022 },
      });
      writeFileSync(target, outputText);
    }
  }
  return folder;
}
