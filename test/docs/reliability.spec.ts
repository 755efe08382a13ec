import { describe, expect, it } from 'vitest';
import { CLIENT_OPTIONS, SERVER_OPTIONS } from '../../lib/nest/checked-options.js';
import { MAX_WAITING } from '../../lib/nest/observable-sender.js';
import { LimitCounters } from '../../lib/protocol/limit-counters.js';
import { RESOLVED, spelt } from './defaults.js';
import { read, tableOf } from './documents.js';

const FILE = 'RELIABILITY.md';

/** Of Nest's gRPC transport; each is another name of a limit. */
const ALIASES = ['maxSendMessageLength', 'maxReceiveMessageLength', 'maxMetadataSize'];

/** Every option that is a limit, by its name. */
const LIMITS = [...new Set<string>([...SERVER_OPTIONS, ...CLIENT_OPTIONS])].filter(
  (name) => /^max|Ms$/.test(name) && !ALIASES.includes(name),
);

const rows = tableOf(FILE, ['option', 'default']).map(
  ([option = '', value = '', grows = '', end = '', counters = '']) => ({
    option: option.replaceAll('`', ''),
    value,
    grows,
    end,
    counters: [...counters.matchAll(/`(\w+)`/g)].map(([, name = '']) => name),
  }),
);

/** A table of tests, whose first column is called so. */
const testsOf = (first: string): { option: string; file: string; name: string }[] =>
  tableOf(FILE, [first, 'file', 'test']).map(([option = '', file = '', name = '']) => ({
    option: option.replaceAll('`', ''),
    file,
    name,
  }));

const tests = testsOf('option');
const fixed = testsOf('fixed');

/** The README's defaults, which its own spec holds against the code. */
const README = new Map(
  tableOf('README.md', ['option', 'of', 'default', 'what']).map(([option = '', , value = '']) => [
    option.replaceAll('`', ''),
    value,
  ]),
);

/** Options without repetition; a row that goes on with the one above names none. */
const named = (list: readonly { readonly option: string }[]): string[] =>
  [...new Set(list.map(({ option }) => option))].filter((option) => option !== '').toSorted();

describe("the page's table of limits", () => {
  it('has every option that is a limit, and no other', () => {
    expect(named(rows)).toEqual(LIMITS.toSorted());
  });

  it.each(rows.filter(({ option }) => option !== ''))(
    'has the default of $option as the code does',
    ({ option, value }) => {
      const resolved = RESOLVED[option];
      if (typeof resolved === 'number') expect(value).toBe(spelt(option, resolved));
      expect(value).toBe(README.get(option));
    },
  );

  it('says of each what it is for, and what happens at it', () => {
    expect(rows.filter(({ grows, end }) => grows === '' || end === '')).toEqual([]);
  });

  it('says below how far an Observable may be ahead', () => {
    const text = read(FILE).replaceAll(/\s+/g, ' ');
    expect(text).toContain(`ahead of the peer, ${MAX_WAITING.toLocaleString('en')};`);
  });

  it('has every counter, and no other', () => {
    const counters = new Set(rows.flatMap((row) => row.counters));
    expect([...counters].toSorted()).toEqual(Object.keys(new LimitCounters()).toSorted());
  });
});

describe("the page's tables of tests", () => {
  it('has a test of each limit', () => {
    expect(named(tests)).toEqual(named(rows));
  });

  it.each([...tests, ...fixed])('names a test of $option that exists: $name', ({ file, name }) => {
    const titles = [`'${name}'`, `"${name}"`, `\`${name}\``];
    const source = read(file);
    expect(titles.some((title) => source.includes(title))).toBe(true);
  });
});
