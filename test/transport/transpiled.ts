import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

const LIB = fileURLToPath(new URL('../../lib', import.meta.url));

/** Writes lib as JavaScript, for tests that need a process of their own (inherited descriptors). */
export function transpileLib(folder: string): string {
  mkdirSync(folder);
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
  symlinkSync(join(LIB, '../node_modules'), join(folder, 'node_modules'));
  for (const room of ['.', 'spec', 'transport']) {
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
