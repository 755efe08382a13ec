import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import protobuf from 'protobufjs';
import { beforeAll, describe, expect, inject, it } from 'vitest';
import { readDescriptorSet } from '../../lib/proto/descriptor-set.js';
import { factsOf } from './descriptor-facts.js';

const FOLDER = join(import.meta.dirname, '../../sample/containerd-proto');
const PROGRAM = join(import.meta.dirname, 'go-descriptors');
const FILES = readdirSync(FOLDER).filter((name) => name.endsWith('.proto'));

const withoutGo = inject('leftOut')['go'];

let published: ReadonlyMap<string, readonly string[]>;

beforeAll(() => {
  if (withoutGo !== undefined) return;
  const set = execFileSync('go', ['run', '.'], { cwd: PROGRAM, maxBuffer: 16 * 1024 * 1024 });
  published = factsOf(readDescriptorSet(set, { keepCase: true }));
}, 300_000);

describe.each(FILES)('sample/containerd-proto/%s', (name) => {
  const path = join(FOLDER, name);

  it.skipIf(withoutGo)(
    'has of each message, enum and service the names, numbers and types that are published',
    () => {
      const { package: own } = protobuf.parse(readFileSync(path, 'utf8'));
      const root = new protobuf.Root().loadSync(path, { keepCase: true });
      const ours = [...factsOf(root)].filter(([type]) => type.startsWith(`${own}.`));
      expect(ours.length).toBeGreaterThan(0);
      const theirs = ours.map(([type]) => [type, published.get(type) ?? 'is not published']);
      expect(Object.fromEntries(ours)).toEqual(Object.fromEntries(theirs));
    },
  );

  it('names the module that it is held against', () => {
    const named = /Go module (\S+) (v[\d.]+\d)/.exec(readFileSync(path, 'utf8'));
    expect(named, 'a comment of the form "Go module <path> <version>"').not.toBeNull();
    const required = readFileSync(join(PROGRAM, 'go.mod'), 'utf8');
    expect(required).toContain(`\t${named?.[1]} ${named?.[2]}\n`);
  });
});
