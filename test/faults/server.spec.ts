import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { connect } from 'node:net';
import { describe, expect, it } from 'vitest';
import { HandshakeError, type CallContext, type Handler } from '../../lib/engine/index.js';
import { ECHO, makeClient, makeServer, never, until } from '../engine/harness.js';
import { Chat, collect, Download, NOT_A_TEXT, Unary, Upload } from '../rpc/text-service.js';
import { tempFolder } from '../transport/temp-folder.js';
import { unprivileged } from '../transport/unprivileged.js';
import { runScript, withoutLeaks } from './harness.js';
import { engineScript } from './processes.js';

const at = tempFolder();
const ENGINE = engineScript(at('lib'));
let count = 0;
const newPath = (): string => at(`s${++count}`);

/** Handlers that never answer, and how many of their calls run and have been told to stop. */
function endless() {
  const seen = { begun: 0, aborted: 0, left: 0 };
  const watch = ({ signal }: CallContext): void => {
    seen.begun += 1;
    signal.addEventListener('abort', () => (seen.aborted += 1));
  };
  const wait = (_: unknown, context: CallContext): Promise<never> => {
    watch(context);
    return never();
  };
  async function* stream(_: unknown, context: CallContext): AsyncGenerator<string> {
    watch(context);
    try {
      for (let n = 0; ; n++) {
        yield `${n}`;
        await new Promise((resolve) => setImmediate(resolve));
      }
    } finally {
      seen.left += 1;
    }
  }
  return { seen, handlers: { Unary: wait, Upload: wait, Download: stream, Chat: stream } };
}

/** The request of a call, as another implementation would write it. */
function request(streamId: number, name: string, flags: number): Buffer {
  const text = `\n\u0009test.Text\u0012${String.fromCharCode(name.length)}${name}`;
  const header = Buffer.alloc(10);
  header.writeUInt32BE(text.length, 0);
  header.writeUInt32BE(streamId, 4);
  header.writeUInt8(1, 8);
  header.writeUInt8(flags, 9);
  return Buffer.concat([header, Buffer.from(text)]);
}

/** A call of each kind, and half a request. */
const CALLS = Buffer.concat([
  request(1, 'Unary', 0),
  request(3, 'Download', 1),
  request(5, 'Upload', 6),
  request(7, 'Chat', 6),
  request(9, 'Unary', 0).subarray(0, 15),
]);

describe('a server', () => {
  it.each(['is killed', 'closes in the middle of a frame'])(
    'ends what runs for a client that %s, and serves the next',
    async (fault) => {
      const { seen, handlers } = endless();
      const path = newPath();
      await withoutLeaks(async () => {
        const server = makeServer(handlers);
        await server.listen(path);
        const { child } = await runScript(`
          import { connect } from 'node:net';
          const socket = connect(${JSON.stringify(path)});
          socket.write(Buffer.from('${CALLS.toString('base64')}', 'base64'), () => console.log('written'));
          socket.resume();
          process.on('SIGTERM', () => socket.destroy());
        `);
        await until(() => seen.begun === 4);
        expect(server.stats()).toMatchObject({ connections: 1, openStreams: 4 });
        const exited = once(child, 'exit');
        child.kill(fault === 'is killed' ? 'SIGKILL' : 'SIGTERM');
        await until(() => server.connections === 0 && seen.left === 2);
        expect(server.stats().openStreams).toBe(0);
        expect(seen.aborted).toBe(4);
        child.kill('SIGKILL');
        await exited;
        const client = makeClient({ address: path });
        const next = client.serverStreaming(Download, '')[Symbol.asyncIterator]();
        expect(await next.next()).toEqual({ done: false, value: '0' });
        await client.close();
        await server.close();
      });
    },
  );

  it('lets a client go that never reads, and nobody else', async () => {
    await withoutLeaks(async () => {
      const path = newPath();
      const large = 'x'.repeat(100_000);
      const server = makeServer(
        { ...ECHO, Download: () => [large] },
        { maxSendBufferBytes: 400_000, maxOpenStreams: 8 },
      );
      await server.listen(path);
      const good = makeClient({ address: path });
      expect(await good.unary(Unary, 'a')).toBe('echo a');
      const deaf = connect(path);
      deaf.on('error', () => {});
      // Every download is answered with 100 kB that nobody reads.
      for (let n = 0; n < 100; n++) deaf.write(request(2 * n + 1, 'Download', 1));
      await until(() => server.stats().stalledConnections === 1);
      expect(await good.unary(Unary, 'b')).toBe('echo b');
      expect(server.connections).toBe(1);
      deaf.destroy();
      await good.close();
      await server.close();
    });
  });

  it('refuses a client whose handshake is slow, and nobody else', async () => {
    await withoutLeaks(async () => {
      const path = newPath();
      const errors: Error[] = [];
      let first = true;
      const server = makeServer(ECHO, {
        handshake() {
          const slow = first;
          first = false;
          return slow ? never() : undefined;
        },
        handshakeTimeoutMs: 20,
        onError: (error) => errors.push(error),
      });
      await server.listen(path);
      const slow = connect(path);
      const closed = once(slow, 'close');
      await once(slow, 'connect');
      await until(() => !first);
      const client = makeClient({ address: path });
      expect(await client.unary(Unary, 'a')).toBe('echo a');
      await closed;
      await until(() => errors.length === 1);
      expect(errors).toEqual([expect.any(HandshakeError)]);
      expect(server.stats()).toMatchObject({ connections: 1, failedHandshakes: 1 });
      await client.close();
      await server.close();
    });
  });

  it('survives that the process has no descriptor left for a connection', async () => {
    const path = newPath();
    const script = `${ENGINE}
      console.log(await serve().listen(${JSON.stringify(path)}));
    `;
    // Enough for Node itself, not for all of the clients.
    const limited = ['/bin/sh', '-c', 'ulimit -n 64; exec "$0" "$@"', process.execPath];
    await runScript(script, limited);
    await withoutLeaks(async () => {
      const clients = Array.from({ length: 80 }, () => makeClient({ address: path }));
      const outcomes = await Promise.all(
        clients.map((client) =>
          client.unary(Unary, 'a').catch(({ kind }: { kind: string }) => kind),
        ),
      );
      const served = outcomes.filter((outcome) => outcome === 'echo a').length;
      expect(new Set(outcomes)).toEqual(new Set(['echo a', 'ttrpc.connection']));
      // Those that are connected go on being served.
      const again = await Promise.all(
        clients
          .filter((_, index) => outcomes[index] === 'echo a')
          .map((client) => client.unary(Unary, 'b')),
      );
      expect(again).toHaveLength(served);
      await Promise.all(clients.map((client) => client.close()));
      // And there is room for others behind them.
      const next = makeClient({ address: path });
      expect(await next.unary(Unary, 'c')).toBe('echo c');
      await next.close();
    });
  });

  it('says why it cannot make its socket, and can listen elsewhere then', async () => {
    await withoutLeaks(async () => {
      const folder = at(`f${++count}`);
      mkdirSync(folder, { mode: 0o500 });
      const server = makeServer(ECHO);
      await unprivileged(() =>
        expect(server.listen(`${folder}/x`)).rejects.toMatchObject({
          kind: 'ttrpc.connection',
          reason: 'dial',
          cause: { code: 'EACCES' },
        }),
      );
      const path = newPath();
      await server.listen(path);
      const other = makeServer(ECHO);
      await expect(other.listen(path)).rejects.toThrow('another server accepts connections on it');
      const client = makeClient({ address: path });
      expect(await client.unary(Unary, 'a')).toBe('echo a');
      await client.close();
      await server.close();
    });
  });

  const wrongs: Record<string, Handler> = {
    'throws at once': () => {
      throw new Error('secret');
    },
    rejects: () => Promise.reject(new Error('secret')),
    'gives what is no message': () => [NOT_A_TEXT],
    'never settles': never,
  };
  const kinds = Object.entries(wrongs).flatMap(([fault, handler]) =>
    [Unary, Download, Upload, Chat].map(({ name, kind }) => ({ fault, name, kind, handler })),
  );

  it.each(kinds)('answers once when a $kind handler $fault', async ({ fault, name, handler }) => {
    await withoutLeaks(async () => {
      const path = newPath();
      const server = makeServer({ ...ECHO, [name]: handler });
      await server.listen(path);
      const client = makeClient({ address: path });
      // So that the call is written before its time is over.
      await client.connect();
      const options = { timeoutMs: fault === 'never settles' ? 20 : 10_000 };
      const call = {
        Unary: () => client.unary(Unary, 'a', options),
        Download: () => collect(client.serverStreaming(Download, 'a', options)),
        Upload: () => client.clientStreaming(Upload, ['a'], options),
        Chat: () => collect(client.bidirectional(Chat, ['a'], options)),
      }[name as 'Unary'];
      const code = { 'never settles': 4, 'gives what is no message': 13 }[fault] ?? 2;
      await expect(call()).rejects.toMatchObject({
        kind: 'ttrpc.status',
        code,
        requestWritten: true,
      });
      await until(() => server.stats().openStreams === 0 && client.stats().openStreams === 0);
      const next =
        name === 'Unary' ? client.clientStreaming(Upload, ['a']) : client.unary(Unary, 'a');
      expect(await next).toBe(name === 'Unary' ? 'a' : 'echo a');
      await client.close();
      await server.close();
    });
  });
});
