import { once } from 'node:events';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { ConnectionError, TtrpcClient, TtrpcError } from '../../lib/engine/index.js';
import { ECHO, makeClient, makeServer, turn, until } from '../engine/harness.js';
import { Download, rejection, Unary, Upload } from '../rpc/text-service.js';
import { tempFolder } from '../transport/temp-folder.js';
import { callAll, expectOneEnd, rawServer, runScript, withoutLeaks } from './harness.js';

const at = tempFolder();
let count = 0;
const newPath = (): string => at(`s${++count}`);

/** A second server takes the place of the first; the next call finds it. */
async function expectNextCall(client: TtrpcClient, path: string): Promise<void> {
  const server = makeServer(ECHO);
  await server.listen(path);
  expect(await client.unary(Unary, 'next')).toBe('echo next');
  expect(client.stats()).toMatchObject({ connections: 1, openStreams: 0 });
  await client.close();
  await server.close();
}

/** The end of a call whose connection was lost behind its request: making it again is not safe. */
const lost = (reason: unknown): unknown =>
  expect.objectContaining({ kind: 'ttrpc.connection', reason, requestWritten: true });

/** The end of a call whose deadline has passed. */
const late = (requestWritten: boolean): unknown =>
  expect.objectContaining({ kind: 'ttrpc.status', code: 4, requestWritten });

/** Which of the two depends on whether the peer had read everything: ECONNRESET and EPIPE are `io`. */
const GONE = expect.stringMatching(/^(eof|io)$/u) as unknown;

/** The head of a response of 100 bytes on stream 1, and the first of them. */
const HALF_A_FRAME = Buffer.from('00000064000000010200aabbcc', 'hex');

afterEach(() => void vi.useRealTimers());

describe('a client', () => {
  it.each<[string, unknown, (socket: Socket) => void]>([
    ['closes', GONE, (socket) => socket.destroy()],
    ['closes in the middle of a frame', GONE, (socket) => socket.end(HALF_A_FRAME)],
    [
      'closes in the middle of a header',
      'eof',
      (socket) => socket.end(HALF_A_FRAME.subarray(0, 7)),
    ],
    ['speaks something else', 'protocol', (socket) => socket.write('HTTP/1.1 400 Bad Request\r\n')],
  ])('ends each call once when the server %s', async (_, reason, act) => {
    await withoutLeaks(async () => {
      const path = newPath();
      const server = await rawServer(path, (socket) => socket.once('data', () => act(socket)));
      const client = makeClient({ address: path });
      await client.connect();
      await expectOneEnd(callAll(client), lost(reason));
      expect(client.stats().openStreams).toBe(0);
      await server.stop();
      await expectNextCall(client, path);
    });
  });

  it('ends each call once when the server is killed', async () => {
    const path = newPath();
    const { child } = await runScript(`
      import { createServer } from 'node:net';
      const server = createServer((socket) => socket.once('data', () => console.log('data')));
      server.listen(${JSON.stringify(path)}, () => console.log('listening'));
    `);
    await withoutLeaks(async () => {
      const client = makeClient({ address: path });
      await client.connect();
      const calls = callAll(client);
      await once(child.stdout as NonNullable<typeof child.stdout>, 'data');
      child.kill('SIGKILL');
      await expectOneEnd(calls, lost(GONE));
      // Its socket file is stale now.
      await expectNextCall(client, path);
    });
  });

  it('ends each call at its deadline when the server never answers, and keeps the connection', async () => {
    await withoutLeaks(async () => {
      const path = newPath();
      const server = await rawServer(path, (socket) => socket.resume());
      const client = makeClient({ address: path });
      // So that they are written before their time is over.
      await client.connect();
      const calls = callAll(client, { timeoutMs: 20 });
      await expectOneEnd(calls, late(true));
      expect(client.stats()).toMatchObject({ connections: 1 });
      await until(() => client.stats().openStreams === 0);
      await client.close();
      await server.stop();
    });
  });

  it('queues no more than its bound for a server that never reads, and says what was never sent', async () => {
    await withoutLeaks(async () => {
      const path = newPath();
      const server = await rawServer(path, (socket) => socket.pause());
      const client = makeClient({ address: path, maxSendBufferBytes: 1 << 20 });
      await client.connect();
      const request = 'x'.repeat(100_000);
      const ends: string[] = [];
      const calls = Array.from({ length: 100 }, () =>
        client
          .unary(Unary, request, { timeoutMs: 60_000 })
          .catch(({ kind, requestWritten }: TtrpcError) => {
            ends.push(`${kind}, written: ${requestWritten}`);
          }),
      );
      await until(() => ends.includes('ttrpc.buffer-full, written: false'));
      expect(client.stats().unsentStreams).toBe(ends.length);
      await client.close();
      await Promise.all(calls);
      expect(ends).toHaveLength(100);
      expect(new Set(ends)).toEqual(
        new Set([
          'ttrpc.buffer-full, written: false',
          'ttrpc.connection, written: false',
          'ttrpc.connection, written: true',
        ]),
      );
      await server.stop();
    });
  });

  it('answers each call once, or fails it knowingly, over restarts of a busy server', async () => {
    const CALLS = 1000;
    const RESTART_EVERY = 100;
    await withoutLeaks(async () => {
      const path = newPath();
      const seen = new Map<string, number>();
      const handlers = {
        async Unary(request: string) {
          seen.set(request, (seen.get(request) ?? 0) + 1);
          await new Promise((resolve) => setImmediate(resolve));
          return `echo ${request}`;
        },
      };
      let server = makeServer(handlers);
      await server.listen(path);
      const client = makeClient({ address: path, reconnect: { initialMs: 1, maxMs: 1 } });
      let next = 0;
      const outcomes = { answered: 0, safe: 0, unknown: 0 };
      const work = async (): Promise<void> => {
        while (next < CALLS) {
          const request = `${next++}`;
          try {
            const answer = await client.unary(Unary, request, { waitForReady: true });
            expect(answer).toBe(`echo ${request}`);
            expect(seen.get(request)).toBe(1);
            outcomes.answered += 1;
          } catch (error) {
            expect(error).toMatchObject({ kind: 'ttrpc.connection', reason: GONE });
            const { requestWritten } = error as ConnectionError;
            if (!requestWritten) expect(seen.has(request)).toBe(false);
            outcomes[requestWritten ? 'unknown' : 'safe'] += 1;
          }
        }
      };
      const restart = async (): Promise<void> => {
        for (let due = RESTART_EVERY; due < CALLS; due += RESTART_EVERY) {
          await until(() => seen.size >= due || next >= CALLS);
          await server.close();
          server = makeServer(handlers);
          await server.listen(path);
        }
      };
      await Promise.all([restart(), ...Array.from({ length: 10 }, work)]);
      expect(outcomes.answered + outcomes.safe + outcomes.unknown).toBe(CALLS);
      expect(outcomes.answered).toBeGreaterThan(CALLS / 2);
      expect(client.stats().openStreams).toBe(0);
      expect([...seen.values()].every((times) => times === 1)).toBe(true);
      await client.close();
      await server.close();
    });
  });

  it('ends a stream once whose deadline passes in its midst, and keeps the others', async () => {
    await withoutLeaks(async () => {
      const path = newPath();
      let left = 0;
      const server = makeServer({
        ...ECHO,
        async *Download() {
          try {
            for (;;) {
              yield 'more';
              await new Promise((resolve) => setImmediate(resolve));
            }
          } finally {
            left += 1;
          }
        },
      });
      await server.listen(path);
      const client = makeClient({ address: path });
      let messages = 0;
      const ends: unknown[] = [];
      vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
      client.startStream(Download, {
        request: '',
        options: { timeoutMs: 50 },
        listener: {
          onMessage: () => (messages += 1),
          onDrain() {},
          onEnd: () => ends.push(undefined),
          onError: (error) => ends.push(error),
        },
      });
      await until(() => messages > 0);
      vi.advanceTimersByTime(60);
      await until(() => ends.length > 0 && left === 1);
      vi.useRealTimers();
      expect(ends).toEqual([expect.objectContaining({ kind: 'ttrpc.status', code: 4 })]);
      expect(await client.unary(Unary, 'next')).toBe('echo next');
      expect(server.stats()).toMatchObject({ connections: 1, openStreams: 0 });
      await client.close();
      await server.close();
    });
  });

  it('says that a call can be made again which no server was there for', async () => {
    await withoutLeaks(async () => {
      const path = newPath();
      const client = makeClient({ address: path });
      const calls = callAll(client);
      await expectOneEnd(calls, expect.objectContaining({ reason: 'dial', requestWritten: false }));
      const server = makeServer(ECHO);
      await server.listen(path);
      await client.connect();
      expect(await client.unary(Unary, 'next')).toBe('echo next');
      await client.close();
      await server.close();
    });
  });

  it.each(['connects', 'waits for room'])(
    'ends a call whose deadline passes while it %s',
    async (phase) => {
      await withoutLeaks(async () => {
        const path = newPath();
        const server = await rawServer(path, (socket) => socket.pause());
        const client = makeClient({
          address: path,
          ...(phase === 'connects' && { dial: () => new Promise<never>(() => {}) }),
        });
        const request = 'x'.repeat(4_000_000);
        const before = phase === 'connects' ? undefined : rejection(client.unary(Unary, request));
        if (before !== undefined) await client.connect();
        const calls = callAll(client, { timeoutMs: 20 });
        await expectOneEnd(calls, late(false));
        await client.close();
        expect(await before).toEqual(before && lost('local'));
        await server.stop();
      });
    },
  );

  it.each([Unary, Upload])(
    'ends a $kind call whose deadline passes while it is written, and goes on with the next',
    async (method) => {
      await withoutLeaks(async () => {
        const path = newPath();
        let socket: Duplex | undefined;
        const server = makeServer(ECHO, { handshake: (accepted) => void (socket = accepted) });
        await server.listen(path);
        const client = makeClient({ address: path });
        expect(await client.unary(Unary, 'a')).toBe('echo a');
        // Some of it gets as far as the system's buffers; the rest never leaves this process.
        socket?.pause();
        vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
        const large = 'x'.repeat(4_000_000);
        const options = { timeoutMs: 1000 };
        const end = rejection(
          method === Unary
            ? client.unary(Unary, large, options)
            : client.clientStreaming(Upload, [large], options),
        );
        await until(() => client.stats().openStreams === 1);
        for (let turns = 0; turns < 5; turns++) await turn();
        vi.advanceTimersByTime(1000);
        expect(await end).toEqual(late(true));
        socket?.resume();
        expect(await client.unary(Unary, 'next')).toBe('echo next');
        // The server's own deadline, and the time after which the client closes an open half.
        vi.advanceTimersByTime(1000);
        await until(() => client.stats().openStreams + server.stats().openStreams === 0);
        expect(client.stats().connections).toBe(1);
        vi.useRealTimers();
        await client.close();
        await server.close();
      });
    },
  );
});
