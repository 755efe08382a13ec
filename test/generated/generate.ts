import { execFile } from 'node:child_process';
import { createRequire } from 'node:module';
import { cp, mkdir, readdir, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import ts from 'typescript';
import type { Variant } from './variants.js';

const require = createRequire(import.meta.url);

const ROOT = resolve(import.meta.dirname, '../..');
const APPS = join(import.meta.dirname, 'apps');
// In the checkout, so that packages are found; ignored by git.
const OUTPUT = join(import.meta.dirname, '.output');

const PLUGINS: Readonly<Record<Variant['plugin'], string>> = {
  'ts-proto': require.resolve('ts-proto/protoc-gen-ts_proto'),
  'ts-proto-2.0': require.resolve('ts-proto-2.0/protoc-gen-ts_proto'),
  'protoc-gen-es': require.resolve('@bufbuild/protoc-gen-es/bin/protoc-gen-es'),
};

/** What a Nest user's compiler is told. */
const COMPILER_OPTIONS: ts.CompilerOptions = {
  strict: true,
  module: ts.ModuleKind.NodeNext,
  target: ts.ScriptTarget.ES2023,
  lib: ['lib.es2023.d.ts'],
  types: ['node'],
  experimentalDecorators: true,
  emitDecoratorMetadata: true,
  skipLibCheck: true,
  sourceMap: false,
  paths: {
    'nestjs-ttrpc': [join(ROOT, 'lib/index.ts')],
    'nestjs-ttrpc/engine': [join(ROOT, 'lib/engine/index.ts')],
  },
};

/** Where the application of a variant is, once it is built. */
export function applicationOf(variant: Variant): string {
  return join(folderOf(variant), 'app.js');
}

/**
 * Generates the code of all variants, puts their applications beside it and compiles both.
 *
 * @returns what the compiler found wrong: nothing, if all is well
 */
export async function build(variants: readonly Variant[]): Promise<string[]> {
  await rm(OUTPUT, { recursive: true, force: true });
  await generate(variants);
  for (const variant of variants) {
    for (const [name, source] of Object.entries(variant.files)) {
      await cp(join(APPS, source), join(folderOf(variant), name));
    }
  }
  const files = await readdir(OUTPUT, { recursive: true });
  return compile(files.filter((file) => file.endsWith('.ts')).map((file) => join(OUTPUT, file)));
}

function folderOf(variant: Variant): string {
  return join(OUTPUT, variant.name.replaceAll(/[^a-z0-9]+/gi, '-'));
}

async function generate(variants: readonly Variant[]): Promise<void> {
  const plugins = variants.flatMap((variant) =>
    Object.entries(variant.options).map(([name, options]) => ({
      local: [process.execPath, PLUGINS[variant.plugin]],
      out: join(folderOf(variant), name),
      opt: options,
      // protoc-gen-es has the well-known types in its own package.
      include_imports: variant.plugin !== 'protoc-gen-es',
    })),
  );
  await mkdir(OUTPUT, { recursive: true });
  const buf = require.resolve('@bufbuild/buf/bin/buf');
  const template = JSON.stringify({ version: 'v2', plugins });
  await promisify(execFile)(process.execPath, [buf, 'generate', '--template', template], {
    cwd: join(import.meta.dirname, 'proto'),
  });
}

function compile(paths: readonly string[]): string[] {
  const program = ts.createProgram(paths, COMPILER_OPTIONS);
  const files = paths.map((path) => program.getSourceFile(path)!);
  const faults = files.flatMap((file) => [
    ...program.getSyntacticDiagnostics(file),
    ...program.getSemanticDiagnostics(file),
  ]);
  for (const file of files) program.emit(file);
  return faults.map(({ file, start, messageText }) => {
    const line = file && ts.getLineAndCharacterOfPosition(file, start ?? 0).line + 1;
    return `${file?.fileName}:${line} ${ts.flattenDiagnosticMessageText(messageText, '\n')}`;
  });
}
