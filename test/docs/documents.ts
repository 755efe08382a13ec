import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

/** The repository's root. */
export const ROOT = resolve(import.meta.dirname, '../..');

/** Every document that a user or contributor reads, relative to the root. */
export const DOCUMENTS: readonly string[] = [
  ...readdirSync(ROOT).filter((name) => name.endsWith('.md')),
  ...readdirSync(join(ROOT, 'sample'))
    .map((sample) => `sample/${sample}/README.md`)
    .filter((file) => existsSync(join(ROOT, file))),
];

/** The public doors, each with the file whose named exports it gives. */
export const DOORS = [
  { name: 'nestjs-ttrpc', file: 'lib/index.ts' },
  { name: 'nestjs-ttrpc/containerd', file: 'lib/containerd/index.ts' },
  { name: 'nestjs-ttrpc/engine', file: 'lib/engine/index.ts' },
  { name: 'nestjs-ttrpc/testing', file: 'lib/testing/index.ts' },
] as const;

/** A fenced block of a document. */
export interface Block {
  /** Where it is, as `README.md:12`. */
  readonly where: string;
  /** The heading above it. */
  readonly heading: string;
  readonly language: string;
  readonly code: string;
}

/** The text of a file of the repository. */
export function read(file: string): string {
  return readFileSync(join(ROOT, file), 'utf8');
}

/** The names that a door exports, types among them. */
export function namesOf(door: string): string[] {
  return [...read(door).matchAll(/^export (?:type )?\{([^}]*)\}/gm)]
    .flatMap(([, names = '']) => names.split(','))
    .map((name) => name.replace('type ', '').trim())
    .filter((name) => name !== '');
}

/** The fenced blocks of a document, in order. */
export function blocksOf(file: string): Block[] {
  const blocks: Block[] = [];
  let heading = '';
  let open: { language: string; line: number; lines: string[] } | undefined;
  for (const [index, line] of read(file).split('\n').entries()) {
    const fence = /^```(\w*)/.exec(line);
    if (open === undefined && fence !== null) {
      open = { language: fence[1] ?? '', line: index + 2, lines: [] };
    } else if (open !== undefined && fence !== null) {
      const { language, lines } = open;
      blocks.push({ where: `${file}:${open.line}`, heading, language, code: lines.join('\n') });
      open = undefined;
    } else if (open !== undefined) {
      open.lines.push(line);
    } else {
      heading = /^#+ (.+)/.exec(line)?.[1] ?? heading;
    }
  }
  return blocks;
}

/** The `@example` blocks of the docstrings in `lib`; one without a fence has no code. */
export function examples(): Block[] {
  return readdirSync(join(ROOT, 'lib'), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .map((file) => `lib/${file}`)
    .flatMap((file) =>
      [...read(file).matchAll(EXAMPLE)].map((match) => ({
        where: `${file}:${lineOf(match)}`,
        heading: '',
        language: 'ts',
        code: (match[1] ?? '').replaceAll(/^ *\* ?/gm, ''),
      })),
    );
}

/** An example as far as its tag, and what its fence holds: one without a fence right below has nothing. */
const EXAMPLE = /@example\b(?:\n *\* ```ts\n([^]*?)\n *\* ```\n)?/g;

/** The body of the table whose header begins so; each row an array of its cells. */
export function tableOf(file: string, header: readonly string[]): string[][] {
  const lines = read(file).split('\n');
  const start = lines.findIndex((line) => header.every((cell, at) => cells(line)[at] === cell));
  if (start < 0) throw new Error(`${file} has no table of ${header.join(', ')}`);
  const end = lines.findIndex((line, index) => index > start && !line.startsWith('|'));
  return lines.slice(start + 2, end).map(cells);
}

function cells(row: string): string[] {
  return row
    .split(/(?<!\\)\|/)
    .slice(1, -1)
    .map((cell) => cell.trim());
}

function lineOf({ input = '', index = 0 }: RegExpMatchArray): number {
  return input.slice(0, index).split('\n').length;
}
