import { Controller } from '@nestjs/common';
import { GrpcMethod } from '@nestjs/microservices';
import { NEVER, type Observable } from 'rxjs';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { TtrpcClient } from '../../lib/engine/index.js';
import { CLIENT_OPTIONS, SERVER_OPTIONS } from '../../lib/nest/checked-options.js';
import { failure, signal, startInMemory } from '../nest/app.js';
import { RESOLVED, spelt } from './defaults.js';
import { read, tableOf } from './documents.js';

const rows = tableOf('README.md', ['option', 'of', 'default', 'what']).map(
  ([option = '', of = '', value = '', what = '']) => ({
    option: option.replaceAll('`', ''),
    of,
    value,
    what,
  }),
);

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
    // Whatever looks like a value is one that somebody has looked up.
    if (/\d|true|false/.test(value)) expect(isPlain || documented !== undefined).toBe(true);
  });

  afterEach(() => vi.useRealTimers());

  it('has the time to connect as the code does', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const { promise } = signal<never>();
    const connected = new TtrpcClient({ dial: () => promise }).connect();
    await settlesAfter(millisecondsOf('connectTimeoutMs'), failure(connected));
  });

  it('has the time that a graceful shutdown waits as the code does', async () => {
    const entered = signal();
    @Controller()
    class WaitingController {
      @GrpcMethod('RoomService')
      say(): Observable<never> {
        entered.resolve();
        return NEVER;
      }
    }
    const { room, server } = await startInMemory([WaitingController], {
      options: { gracefulShutdown: true },
    });
    const call = failure(room.say({}));
    await entered.promise;
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    await settlesAfter(millisecondsOf('graceMs'), server.close());
    expect(await call).not.toBe('no failure');
  });
});

describe("the README's table of a call's options", () => {
  it('has every one, and no other', () => {
    const [, members = ''] =
      /interface CallOptions \{([^]*?)\n\}/.exec(read('lib/rpc/call.ts')) ?? [];
    const names = [...members.matchAll(/readonly (\w+)\?:/g)].map(([, name]) => `\`${name}\``);
    const table = tableOf('README.md', ['option', 'what', 'unit']);
    expect(table.map(([option = '']) => option).toSorted()).toEqual(names.toSorted());
  });
});

/** The table's default of an option that is a time. */
function millisecondsOf(option: string): number {
  return Number.parseInt(rows.find((row) => row.option === option)?.value ?? '', 10);
}

/** Expects of a promise to be settled by a timer of this length, on a clock that stands still. */
async function settlesAfter(milliseconds: number, promise: Promise<unknown>): Promise<void> {
  let settled = false;
  void promise.finally(() => (settled = true));
  await vi.advanceTimersByTimeAsync(milliseconds - 1);
  expect(settled).toBe(false);
  await vi.advanceTimersByTimeAsync(1);
  await promise;
}

/** A docstring's default without its reasons. */
function inShort(option: string, documented: string): string {
  const [value = ''] = documented.split(/[:,]/);
  const plain = value.replaceAll('`', '');
  if (plain === 'Infinity') return 'none';
  if (/^\d+$/.test(plain)) return spelt(option, Number(plain));
  return { package: 'all', socketMode: 'umask' }[option] ?? plain;
}
