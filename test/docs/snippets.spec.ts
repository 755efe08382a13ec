import { rmSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { blocksOf, DOCUMENTS, examples, read, type Block } from './documents.js';
import { EXAMPLES_SPEAK_OF, HARNESSES, missingImports, QUICK_START } from './harness.js';
import { followSteps, steps } from './quick-start.js';
import { openWorkshop } from './workshop.js';

const snippets = DOCUMENTS.flatMap((document) => {
  const seen: Record<string, number> = {};
  return blocksOf(document)
    .filter(({ language }) => language === 'ts')
    .map((block) => {
      const at = seen[block.heading] ?? 0;
      seen[block.heading] = at + 1;
      return { ...block, harness: HARNESSES[document]?.[block.heading]?.[at] };
    });
});

/** Those that a harness runs, each with the folder of its program. */
const programs = snippets.flatMap(({ where, code, harness }) =>
  harness === undefined || harness === QUICK_START
    ? []
    : [{ where, code, harness, name: `${folderOf(where)}/main` }],
);

const inDocstrings = examples().map((example) => ({
  ...example,
  name: `${folderOf(example.where)}/main`,
}));

const workshop = openWorkshop();
let complaints: readonly string[];

beforeAll(() => {
  workshop.install();
  for (const { name, code, harness } of programs) {
    const program = [harness.before, code, harness.after, 'export {};'].join('\n');
    workshop.write(`${name}.ts`, `${missingImports(program)} ${program}`);
    workshop.write(`${name}/../hero.proto`, read('sample/01-four-kinds/proto/hero.proto'));
  }
  for (const { name, code } of inDocstrings) {
    workshop.write(`${name}.ts`, `${missingImports(code)} ${code}\nexport {};`);
  }
  workshop.write('spoken-of.d.ts', EXAMPLES_SPEAK_OF);
  const names = [...programs, ...inDocstrings].map(({ name }) => `${name}.ts`);
  complaints = workshop.compile(['spoken-of.d.ts', ...names]);
}, 120_000);

afterAll(() => rmSync(workshop.folder, { recursive: true, force: true }));

describe('the snippets of the documents', () => {
  it.each(snippets)('has a harness that says what comes of $where', ({ harness }) => {
    expect(harness).toBeDefined();
  });

  it('has no harness left over', () => {
    const wanted = Object.values(HARNESSES).flatMap((document) => Object.values(document).flat());
    expect(wanted).toHaveLength(snippets.length);
  });

  it.each(programs)('compiles $where strictly', ({ name }) => {
    expect(complaintsOf(name)).toEqual([]);
  });

  it.each(programs)('gets what $where promises', { timeout: 60_000 }, async (program) => {
    expect(await workshop.run(`${program.name}.js`)).toEqual(program.harness.prints);
  });
});

describe("the README's first steps", () => {
  it('are a .proto, two programs of some twenty lines, and commands', () => {
    expect(steps.map(({ language }) => language)).toEqual(['proto', 'ts', 'ts', 'sh', 'sh']);
    const lengths = steps.slice(1, 3).map(({ code }) => code.split('\n').length);
    expect(Math.max(...lengths)).toBeLessThan(27);
  });

  it('lead to what they promise', { timeout: 60_000 }, async () => {
    const [got, said] = await followSteps(workshop);
    expect(got).toEqual([said]);
  });
});

describe('the examples of the docstrings', () => {
  it.each(inDocstrings)('compiles $where strictly', ({ name, code }) => {
    expect(code, 'an example is in a ts fence').not.toBe('');
    expect(complaintsOf(name)).toEqual([]);
  });
});

it('gets complaints of programs only', () => {
  const named = new Set([...programs, ...inDocstrings].flatMap(({ name }) => complaintsOf(name)));
  expect(complaints.filter((complaint) => !named.has(complaint))).toEqual([]);
});

function complaintsOf(name: string): string[] {
  return complaints.filter((complaint) => complaint.includes(`${name}.ts:`));
}

function folderOf(where: Block['where']): string {
  return where.replaceAll(/\W+/g, '-');
}
