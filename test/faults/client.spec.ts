import { once } from 'node:events';
import type { Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import type { TtrpcClient } from '../../lib/engine/index.js';
import { ECHO, makeClient, makeServer, until } from '../engine/harness.js';
import { rejection, Unary } from '../rpc/text-service.js';
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
const lost = (reason: string): unknown =>
  expect.objectContaining({ kind: 'ttrpc.connection', reason, requestWritten: true });

/** The head of a response of 100 bytes on stream 1, and the first of them. */
const HALF_A_FRAME = Buffer.from('00000064000000010200aabbcc', 'hex');

describe('a client', () => {
  it.each<[string, string, (socket: Socket) => void]>([
    ['closes', 'eof', (socket) => socket.destroy()],
    ['closes in the middle of a frame', 'eof', (socket) => socket.end(HALF_A_FRAME)],
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
      await expectOneEnd(calls, lost('eof'));
      // Its socket file is stale now.
      await expectNextCall(client, path);
    });
  });

  it('ends each call at its deadline when the server never answers, and keeps the connection', async () => {
    await withoutLeaks(async () => {
      const path = newPath();
      const server = await rawServer(path, (socket) => socket.resume());
      const client = makeClient({ address: path });
      const calls = callAll(client, { timeoutMs: 20 });
      await expectOneEnd(calls, expect.objectContaining({ kind: 'ttrpc.status', code: 4 }));
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
      const codes: (string | number)[] = [];
      const calls = Array.from({ length: 100 }, () =>
        client.unary(Unary, request, { timeoutMs: 1000 }).catch((error: { kind: string }) => {
          codes.push(error.kind);
        }),
      );
      await until(() => codes.includes('ttrpc.buffer-full'));
      await client.close();
      await Promise.all(calls);
      expect(codes).toHaveLength(100);
      expect(new Set(codes)).toEqual(new Set(['ttrpc.buffer-full', 'ttrpc.connection']));
      await server.stop();
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
        await expectOneEnd(calls, expect.objectContaining({ kind: 'ttrpc.status', code: 4 }));
        await client.close();
        expect(await before).toEqual(before && lost('local'));
        await server.stop();
      });
    },
  );
});
