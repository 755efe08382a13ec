import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { tableOf } from '../docs/documents.js';
import { DIFFERENCES } from './differences.js';

const specs = readdirSync(import.meta.dirname)
  .filter((file) => file.endsWith('.spec.ts') && file !== 'differences.spec.ts')
  .map((file) => readFileSync(join(import.meta.dirname, file), 'utf8'))
  .join('\n');

/** How many behaviours Nest's own tests of its gRPC transport hold; their names begin with a number. */
const BEHAVIOURS = 26;

describe('the suite that runs under both transports', () => {
  it("has every behaviour that Nest's own tests hold", () => {
    const numbers = [...specs.matchAll(/['"]\((\d+)\) /g)].map(([, number]) => Number(number));
    const all = Array.from({ length: BEHAVIOURS }, (_, index) => index + 1);
    expect([...new Set(numbers)].toSorted((one, other) => one - other)).toEqual(all);
  });

  it.each(DIFFERENCES)('asserts what is recorded of $id', ({ id }) => {
    expect(specs).toContain(`'${id}'`);
  });

  it('records no difference twice, and none that is none', () => {
    expect(new Set(DIFFERENCES.map(({ id }) => id)).size).toBe(DIFFERENCES.length);
    expect(DIFFERENCES.filter(({ gRPC, ttrpc }) => (gRPC as string) === ttrpc)).toEqual([]);
  });
});

describe("the README's table of differences", () => {
  it('has what is recorded, and nothing else', () => {
    const rows = tableOf('README.md', ['what', 'gRPC', 'ttrpc', 'reason']);
    expect(rows).toEqual(
      DIFFERENCES.map(({ what, gRPC, ttrpc, reason }) => [what, gRPC.trim(), ttrpc.trim(), reason]),
    );
  });
});
