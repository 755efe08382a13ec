import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Duplex, Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { pathToFileURL } from 'node:url';
import { afterEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { NriLink, type NriLinkOptions } from '../../lib/containerd/nri-link.js';
import { TtrpcClient, TtrpcServer } from '../../lib/engine/index.js';
import { turn, until } from '../engine/harness.js';
import { rejection } from '../transport/sockets.js';
import { tempFolder } from '../transport/temp-folder.js';
import { transpileLib } from '../transport/transpiled.js';
import { configure, pluginService, registerPlugin, startRuntime } from './nri-runtime.js';

const at = tempFolder();
let count = 0;
const IDENTITY = { pluginName: 'test', pluginIdx: '10' };

/** A plugin that answers Configure, and what its link has told. */
async function makePlugin(
  path: string,
  { connectTimeoutMs, ...options }: Partial<NriLinkOptions> & { connectTimeoutMs?: number } = {},
) {
  const told: string[] = [];
  const link = new NriLink({
    address: path,
    reconnect: { initialMs: 1, maxMs: 60_000 },
    ...options,
    onRegistered: () => void told.push('registered'),
    onLost: (error) => void told.push(error === undefined ? 'lost' : `lost: ${error.message}`),
  });
  const server = new TtrpcServer();
  server.addService(pluginService, {
    Configure: ({ config }: { config: string }) => ({ events: Number(config) }),
  });
  await server.listen(link.listen);
  const runtime = new TtrpcClient({ dial: link.dial, connectTimeoutMs });
  const run = (): Promise<void> =>
    link.run((call) => runtime.unary(registerPlugin, IDENTITY, call));
  onTestFinished(async () => {
    link.close();
    await runtime.close();
    await server.close();
  });
  return { link, server, runtime, told, run };
}

/** What a plugin that was launched needs. */
const ROOMS = ['.', 'spec', 'wire', 'protocol', 'rpc', 'transport', 'engine', 'containerd'];

/** A plugin on its descriptor 3 that never gets to its registration. */
const launched = (lib: string): string => `
  const { NriLink } = await import(${JSON.stringify(pathToFileURL(`${lib}/containerd/nri-link.js`).href)});
  const link = new NriLink({ address: 'fd:3' });
  link.listen(() => undefined);
  await link.run(() => new Promise(() => undefined)).then(
    () => console.log('ended'),
    (error) => console.log('failed: ' + error.message),
  );`;

afterEach(() => void vi.useRealTimers());

const path = (): string => at(`nri${++count}`);

describe('NriLink', () => {
  it('registers, and serves the runtime on the same socket', async () => {
    const where = path();
    const { connected } = await startRuntime(where);
    const { link, told, run } = await makePlugin(where);
    const done = run();
    await until(() => told.length === 1);
    expect(connected[0]?.registrations).toEqual([IDENTITY]);
    expect(await connected[0]?.plugin.unary(configure, { config: '8' })).toEqual({ events: 8 });
    link.close();
    await done;
    expect(told).toEqual(['registered', 'lost']);
  });

  it('serves before it has registered', async () => {
    const where = path();
    const { connected } = await startRuntime(where, async (_, { plugin }) => {
      expect(await plugin.unary(configure, { config: '4' })).toEqual({ events: 4 });
      return {};
    });
    const { told, run } = await makePlugin(where);
    void run();
    await until(() => told.length === 1);
    expect([told, connected.length]).toEqual([['registered'], 1]);
  });

  it('gives the registration a deadline', async () => {
    const where = path();
    await startRuntime(where, () => new Promise(() => undefined));
    const { link, told, run } = await makePlugin(where, { registrationTimeoutMs: 30 });
    const done = run();
    await until(() => told.length > 0);
    expect(told[0]).toContain('DEADLINE_EXCEEDED');
    link.close();
    await done;
  });

  it('registers again after the runtime has gone and come back, and calls wait for that', async () => {
    const where = path();
    const first = await startRuntime(where);
    const { told, run, runtime } = await makePlugin(where);
    void run();
    await until(() => told.length === 1);
    await first.stop();
    await until(() => told.some((line) => line.includes('ENOENT')));
    const call = runtime.unary(registerPlugin, { ...IDENTITY, pluginName: 'call' });
    const second = await startRuntime(where);
    await until(() => told.at(-1) === 'registered');
    await call;
    const names = second.connected[0]?.registrations.map(({ pluginName }) => pluginName);
    expect(names?.toSorted()).toEqual(['call', 'test']);
    expect(told[1]).toBe('lost');
  });

  it('registers though its client has lost patience before', async () => {
    const where = path();
    const { told, run, runtime } = await makePlugin(where, { connectTimeoutMs: 5 });
    const { message } = await rejection(runtime.unary(registerPlugin, IDENTITY));
    expect(message).toContain('no answer within 5 ms');
    await startRuntime(where);
    void run();
    await until(() => told.length > 0);
    expect(told).toEqual(['registered']);
  });

  it('registers again when the runtime has thrown it out, and when it is refused', async () => {
    const where = path();
    let tries = 0;
    await startRuntime(where, (_, { socket }) => {
      if (++tries === 1) throw new Error('not you');
      if (tries === 2) socket.destroy();
      return {};
    });
    const { told, run } = await makePlugin(where);
    void run();
    await until(() => told.at(-1) === 'registered');
    expect(tries).toBe(3);
    expect(told[0]).toContain('UNKNOWN');
    expect(told[1]).toContain('lost');
  });

  it('tries less and less often while connections do not last', async () => {
    const where = path();
    const { connected } = await startRuntime(where, (_, { socket }) => {
      setImmediate(() => socket.destroy());
      return {};
    });
    const reconnect = { initialMs: 1, factor: 1000, maxMs: 60_000, jitter: 0 };
    const { link, told, run } = await makePlugin(where, { reconnect });
    const done = run();
    // The third attempt is due a second after the second: the test is over before.
    await until(() => told.filter((line) => line.startsWith('lost')).length === 2);
    await turn();
    expect(connected).toHaveLength(2);
    link.close();
    await done;
  });

  it('comes back at once when the connection has lasted, and not when it has not', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
    const where = path();
    const { connected } = await startRuntime(where);
    const reconnect = { initialMs: 1000, maxMs: 60_000, jitter: 0 };
    const { link, told, run } = await makePlugin(where, { reconnect });
    const done = run();
    const registrations = (): number => told.filter((line) => line === 'registered').length;
    await until(() => registrations() === 1);
    vi.advanceTimersByTime(60_000);
    connected[0]?.socket.destroy();
    await until(() => registrations() === 2);
    vi.advanceTimersByTime(59_999);
    connected[1]?.socket.destroy();
    await until(() => told.at(-1) === 'lost');
    vi.advanceTimersByTime(999);
    await turn();
    expect(connected).toHaveLength(2);
    vi.advanceTimersByTime(1);
    await until(() => registrations() === 3);
    link.close();
    await done;
  });

  it('ends with the server that listens', async () => {
    const where = path();
    await startRuntime(where);
    const { server, told, run } = await makePlugin(where);
    const done = run();
    await until(() => told.length === 1);
    await server.shutdown({ graceMs: 1000 });
    await done;
    expect(told).toEqual(['registered', 'lost']);
  });

  it('ends while it waits, and while it connects', async () => {
    const waiting = await makePlugin(path(), { reconnect: { initialMs: 60_000 } });
    const done = waiting.run();
    await until(() => waiting.told.length === 1);
    waiting.link.close();
    await done;
    const connecting = await makePlugin(path());
    const over = connecting.run();
    connecting.link.close();
    await over;
    expect(connecting.told).toEqual(['lost']);
  });

  it('drops the connection when either side of it ends', async () => {
    const where = path();
    const { connected } = await startRuntime(where);
    const { told, run, runtime } = await makePlugin(where);
    void run();
    await until(() => told.length === 1);
    await runtime.close();
    await until(() => told.length > 1);
    expect(told[1]).toBe('lost');
    await until(() => connected[0]?.socket.destroyed === true);
  });

  it('gives a client that gave up no connection', async () => {
    const { link } = await makePlugin(path());
    const given = new AbortController();
    const dialed = link.dial(given.signal) as Promise<unknown>;
    given.abort();
    expect(await rejection(dialed)).toMatchObject({ kind: 'ttrpc.connection', reason: 'dial' });
    // Nor one that had given up before: it would keep the connection from the next.
    const late = link.dial(given.signal) as Promise<unknown>;
    expect(await rejection(late)).toMatchObject({ kind: 'ttrpc.connection', reason: 'dial' });
  });

  it('refuses clients when it is closed, also those that wait', async () => {
    const where = path();
    const { link, runtime } = await makePlugin(where);
    const call = rejection(runtime.unary(registerPlugin, IDENTITY));
    await turn();
    link.close();
    expect((await call).message).toBe(`no NRI connection to unix://${where}`);
    const late = link.dial(new AbortController().signal) as Promise<unknown>;
    expect((await rejection(late)).message).toContain('no NRI connection');
  });

  it('makes one connection of a descriptor, and tells what ended it', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'ttrpc-nri-'));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    const file = join(folder, 'child.mjs');
    writeFileSync(file, launched(transpileLib(join(folder, 'lib'), ROOMS)));
    const runs = [
      [(socket: Duplex): unknown => socket.end(), 'ended'],
      [(socket: Duplex): unknown => socket.write('no mux: text'), 'failed: mux frame of'],
    ] as const;
    for (const [end, said] of runs) {
      const child = spawn(process.execPath, [file], {
        stdio: ['ignore', 'pipe', 'inherit', 'pipe'],
      });
      onTestFinished(() => void child.kill());
      end((child.stdio[3] as Duplex).on('error', () => undefined));
      expect(await text(child.stdout as Readable)).toContain(said);
    }
  });

  it('needs one server, and runs once', async () => {
    const lonely = new NriLink({ address: 'unix:/x' });
    expect((await rejection(lonely.run(async () => undefined))).message).toBe(
      'no server listens to this link',
    );
    const { link, run } = await makePlugin(path());
    expect(() => link.listen(() => undefined)).toThrow('a server listens to this link already');
    const first = run();
    expect((await rejection(run())).message).toBe('this link was run before');
    link.close();
    await first;
  });

  it.each<[NriLinkOptions, string]>([
    [{ address: 'http://x' }, 'http'],
    [{ address: '/x', registrationTimeoutMs: 0 }, 'registrationTimeoutMs must be a number above 0'],
    [{ address: '/x', reconnect: { factor: 0 } }, 'reconnect.factor must be a number from 1'],
  ])('refuses %j', (options, message) => {
    expect(() => new NriLink(options)).toThrow(message);
  });
});
