import { describe, expect, it } from 'vitest';
import { resolveClientOptions } from '../../lib/engine/client-options.js';
import { resolveServerOptions } from '../../lib/engine/server-options.js';
import { CLIENT_OPTIONS, SERVER_OPTIONS } from '../../lib/nest/checked-options.js';
import { read, tableOf } from './documents.js';

const rows = tableOf('README.md', ['option', 'of', 'default', 'what']).map(
  ([option = '', of = '', value = '', what = '']) => ({
    option: option.replaceAll('`', ''),
    of,
    value,
    what,
  }),
);

const server = resolveServerOptions({});
const client = resolveClientOptions({ address: 'unix:hero.sock' });

/** What the code fills in. */
const RESOLVED: Readonly<Record<string, unknown>> = { ...server.connection, ...server, ...client };

/** The docstrings' defaults of the options, by name. */
const DOCUMENTED = new Map(
  [
    'lib/nest/ttrpc-options.interface.ts',
    'lib/engine/client-options.ts',
    'lib/engine/server-options.ts',
    'lib/protocol/connection-options.ts',
  ]
    .flatMap((file) => [
      ...read(file).matchAll(/@defaultValue ([^\n]*)[^/]*\*\/\s+readonly (\w+)\?/g),
    ])
    .map(([, value = '', name = '']) => [name, value]),
);

describe("the README's table of options", () => {
  it('has every option of the server and of the client, and no other', () => {
    const of = (side: string): string[] =>
      rows.filter((row) => row.of === side || row.of === 'both').map(({ option }) => option);
    expect(of('server').toSorted()).toEqual([...SERVER_OPTIONS].toSorted());
    expect(of('client').toSorted()).toEqual([...CLIENT_OPTIONS].toSorted());
  });

  it('says of each what it is', () => {
    expect(rows.filter(({ what }) => what === '')).toEqual([]);
  });

  it.each(rows)('has the default of $option as the code does', ({ option, value }) => {
    const resolved = RESOLVED[option];
    const isPlain = typeof resolved === 'number' || typeof resolved === 'boolean';
    if (isPlain) expect(value).toBe(spelt(option, resolved));
    const documented = DOCUMENTED.get(option);
    if (documented !== undefined) expect(value).toBe(inShort(option, documented));
    if (/\d|true|false/.test(value)) expect(isPlain || documented !== undefined).toBe(true);
  });
});

/** A value as the table has it: with its unit, by the option's name. */
function spelt(option: string, value: number | boolean): string {
  if (value === Infinity) return 'none';
  if (option.endsWith('Bytes')) return bytes(Number(value));
  return option.endsWith('Ms') ? `${value} ms` : String(value);
}

function bytes(value: number): string {
  const kibibytes = value / 1024;
  return kibibytes < 1024 ? `${kibibytes} KiB` : `${kibibytes / 1024} MiB`;
}

/** A docstring's default without its reasons. */
function inShort(option: string, documented: string): string {
  const [value = ''] = documented.split(/[:,]/);
  const plain = value.replaceAll('`', '');
  if (plain === 'Infinity') return 'none';
  if (/^\d+$/.test(plain)) return spelt(option, Number(plain));
  return { package: 'all', socketMode: 'umask' }[option] ?? plain;
}
