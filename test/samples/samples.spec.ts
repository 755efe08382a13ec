import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';

interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly scripts: Readonly<Record<string, string>>;
  readonly dependencies: Readonly<Record<string, string>>;
  readonly devDependencies: Readonly<Record<string, string>>;
}

const root = resolve(import.meta.dirname, '../..');
const samples = readdirSync(join(root, 'sample')).filter((name) => /^\d\d-/.test(name));

const { version, devDependencies } = JSON.parse(read('package.json')) as Manifest;
const versions: Readonly<Record<string, string>> = { ...devDependencies, 'nestjs-ttrpc': version };

/** What no import names, and is needed all the same: each by the packages that load it. */
const LOADED_BY: Readonly<Record<string, readonly string[]>> = {
  '@grpc/grpc-js': ['@grpc/proto-loader'],
  '@grpc/proto-loader': ['@grpc/grpc-js'],
  '@nestjs/platform-express': ['@nestjs/core'],
  'class-transformer': ['class-validator'],
  '@nestjs/microservices': ['nestjs-ttrpc'],
  protobufjs: ['nestjs-ttrpc'],
  rxjs: ['@nestjs/common'],
};

describe.each(samples)('sample %s', (name) => {
  const manifest = JSON.parse(read(`sample/${name}/package.json`)) as Manifest;

  it('asks for the versions that the root tests with', () => {
    const asked = { ...manifest.dependencies, ...manifest.devDependencies };
    const tested = Object.fromEntries(Object.keys(asked).map((each) => [each, versions[each]]));
    expect(asked).toEqual(tested);
  });

  it('depends on what it imports, and on nothing that it does not need', () => {
    const imported = importsOf(name);
    const declared = Object.keys(manifest.dependencies);
    expect(imported.filter((each) => !declared.includes(each))).toEqual([]);
    const needed = (each: string): boolean =>
      imported.includes(each) || (LOADED_BY[each] ?? []).some((by) => declared.includes(by));
    expect(declared.filter((each) => !needed(each))).toEqual([]);
  });

  it('is named after its folder, and compiled as all others are', () => {
    expect(manifest.name).toBe(`sample-${name}`);
    expect(read(`sample/${name}/tsconfig.json`)).toBe(read('sample/02-unary/tsconfig.json'));
  });
});

it('lists every sample in the README', () => {
  const listed = [...read('README.md').matchAll(/^- \[.*\]\(sample\/(.*)\/README\.md\)/gm)];
  expect(listed.map(([, name]) => name)).toEqual(samples);
});

/** The packages that a sample's sources import. */
function importsOf(name: string): string[] {
  const folder = `sample/${name}/src`;
  const sources = readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts') && !file.startsWith('generated'))
    .map((file) => read(join(folder, file)));
  const specifiers = sources.flatMap((source) =>
    [...source.matchAll(/^(?:import|\} from|import .* from) '([^'.][^']*)';$/gm)].map(
      ([, specifier = '']) => specifier,
    ),
  );
  const packages = specifiers
    .filter((specifier) => !specifier.startsWith('node:'))
    .map((specifier) => /^(?:@[^/]+\/)?[^/]+/.exec(specifier)?.[0] ?? '');
  return [...new Set(packages)];
}

function read(file: string): string {
  return readFileSync(join(root, file), 'utf8');
}
