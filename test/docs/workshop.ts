import { execFile, execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import ts from 'typescript';
import { ROOT } from './documents.js';

const run = promisify(execFile);

/** A project of a user: an ES module beside which the package is installed. */
export interface Workshop {
  readonly folder: string;
  /** Builds the package, and puts it where the programs find it. */
  install(): void;
  /** Puts a file there, in a folder of that name if the name has one. */
  write(name: string, text: string): void;
  /**
   * Compiles programs strictly.
   *
   * @returns what the compiler says, each message as `file:line: text`
   */
  compile(names: readonly string[]): string[];
  /**
   * Runs a compiled program in the folder it is in.
   *
   * @returns what it printed, without Nest's log
   * @throws when it fails, or is not done in time
   */
  run(name: string): Promise<string[]>;
}

const STRICT: ts.CompilerOptions = {
  module: ts.ModuleKind.NodeNext,
  moduleResolution: ts.ModuleResolutionKind.NodeNext,
  target: ts.ScriptTarget.ES2023,
  lib: ['lib.es2023.d.ts'],
  types: ['node'],
  strict: true,
  exactOptionalPropertyTypes: true,
  noUncheckedIndexedAccess: true,
  noImplicitOverride: true,
  noImplicitReturns: true,
  experimentalDecorators: true,
  emitDecoratorMetadata: true,
  skipLibCheck: true,
};

/** Makes a project; what it does not hold itself it finds in the repository's `node_modules`. */
export function openWorkshop(): Workshop {
  const home = join(import.meta.dirname, '.build');
  mkdirSync(home, { recursive: true });
  const folder = mkdtempSync(join(home, 'user-'));
  const write = (name: string, text: string): void => {
    mkdirSync(join(folder, name, '..'), { recursive: true });
    writeFileSync(join(folder, name), text);
  };
  write('package.json', JSON.stringify({ name: 'user', private: true, type: 'module' }));
  return {
    folder,
    install: () => {
      const installed = join(folder, 'node_modules/nestjs-ttrpc');
      build(join(installed, 'dist'));
      copyFileSync(join(ROOT, 'package.json'), join(installed, 'package.json'));
    },
    write,
    compile: (names) => compile(names.map((name) => join(folder, name))),
    run: async (name) => {
      const file = join(folder, name);
      const { stdout, stderr } = await run(process.execPath, [file], {
        cwd: join(file, '..'),
        env: { ...process.env, NO_COLOR: '1' },
        timeout: 50_000,
      });
      if (stderr !== '') throw new Error(`${name} complains: ${stderr}`);
      return stdout.split('\n').filter((line) => line !== '' && !line.startsWith('[Nest]'));
    },
  };
}

/** As `npm run build` does. Whether its types are right is asked elsewhere (`npm run typecheck`). */
function build(folder: string): void {
  execFileSync(process.execPath, [join(ROOT, '.ci/build.mjs'), folder, '--noCheck']);
}

function compile(files: readonly string[]): string[] {
  const program = ts.createProgram(files, STRICT);
  const { diagnostics } = program.emit();
  return [...ts.getPreEmitDiagnostics(program), ...diagnostics].map((diagnostic) => {
    const text = ts.flattenDiagnosticMessageText(diagnostic.messageText, '\n');
    const { file, start = 0 } = diagnostic;
    if (file === undefined) return text;
    return `${file.fileName}:${ts.getLineAndCharacterOfPosition(file, start).line + 1}: ${text}`;
  });
}
