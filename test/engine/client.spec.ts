import { createServer, type Socket } from 'node:net';
import { Metadata as GrpcMetadata } from '@grpc/grpc-js';
import { describe, expect, it, onTestFinished } from 'vitest';
import {
  ConnectionError,
  StatusError,
  TtrpcClient,
  type CallContext,
} from '../../lib/engine/index.js';
import { Chat, collect, Download, rejection, Unary, Upload } from '../rpc/text-service.js';
import { tempFolder } from '../transport/temp-folder.js';
import { duplexPair, ECHO, gate, makeClient, makeServer, never, turn, until } from './harness.js';

const at = tempFolder();
let count = 0;
const socketAddress = (): string => `unix://${at(`s${++count}`)}`;

/** A listening socket whose connections nobody serves. */
async function listenRaw(onSocket: (socket: Socket) => void = () => {}): Promise<{
  address: string;
  sockets: Socket[];
}> {
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    sockets.push(socket);
    socket.on('error', () => {});
    onSocket(socket);
  });
  const path = at(`s${++count}`);
  await new Promise<void>((resolve) => server.listen(path, resolve));
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { address: `unix://${path}`, sockets };
}

/** The next uncaught exception, which then fails no test. */
async function nextUncaught(): Promise<unknown> {
  const uncaught = new Promise((resolve) => process.once('uncaughtException', resolve));
  const others = process.listeners('uncaughtException').slice(0, -1);
  for (const listener of others) process.off('uncaughtException', listener);
  onTestFinished(() => others.forEach((listener) => process.on('uncaughtException', listener)));
  return uncaught;
}

describe('TtrpcClient', () => {
  it.each(['unix', 'tcp', 'a Duplex'])('calls methods of the four kinds over %s', async (kind) => {
    const server = makeServer(ECHO);
    let options;
    if (kind === 'a Duplex') {
      const [near, far] = duplexPair();
      await server.serve(far);
      options = { dial: () => near };
    } else {
      const address = kind === 'unix' ? socketAddress() : 'tcp://127.0.0.1:0';
      options = { address: await server.listen(address) };
    }
    const client = makeClient(options);
    expect(await client.unary(Unary, 'a')).toBe('echo a');
    expect(await collect(client.serverStreaming(Download, 'a b'))).toEqual(['a', 'b']);
    expect(await client.clientStreaming(Upload, ['a', 'b'])).toBe('a+b');
    expect(await collect(client.bidirectional(Chat, ['a', 'b']))).toEqual(['echo a', 'echo b']);
    expect(client.connected).toBe(true);
  });

  it("sends grpc-js's Metadata", async () => {
    let seen: unknown;
    const server = makeServer({
      Unary(_: string, { metadata }: CallContext) {
        seen = metadata.toJSON();
        return '';
      },
    });
    const client = makeClient({ address: await server.listen(socketAddress()) });
    const metadata = new GrpcMetadata();
    metadata.add('Key', 'a');
    metadata.add('key', 'b');
    await client.unary(Unary, '', { metadata });
    expect(seen).toEqual({ key: ['a', 'b'] });
    metadata.set('x-bin', Buffer.from('x'));
    await expect(client.unary(Unary, '', { metadata })).rejects.toThrow(
      'metadata value of "x-bin" must be a string, got a Buffer',
    );
  });

  it('has 1000 calls in flight on one connection', async () => {
    const { opened, open } = gate();
    let started = 0;
    const server = makeServer({
      async Unary(request: string) {
        if (++started === 1000) open();
        await opened;
        return request;
      },
    });
    const client = makeClient({ address: await server.listen(socketAddress()) });
    const calls = Array.from({ length: 1000 }, (_, n) => client.unary(Unary, String(n)));
    expect(await Promise.all(calls)).toEqual(calls.map((_, n) => String(n)));
    expect(server.connections).toBe(1);
  });

  it('carries large messages both ways at once', async () => {
    const server = makeServer({ Unary: (request: string) => request });
    const client = makeClient({ address: await server.listen(socketAddress()) });
    const big = 'x'.repeat(200_000);
    const answers = await Promise.all(Array.from({ length: 100 }, () => client.unary(Unary, big)));
    expect(answers.every((answer) => answer === big)).toBe(true);
  });

  it('leaves no timer behind', async () => {
    const server = makeServer(ECHO);
    const client = makeClient({ address: await server.listen(socketAddress()), timeoutMs: 60_000 });
    await client.connect();
    const timers = (): number =>
      process.getActiveResourcesInfo().filter((type) => type === 'Timeout').length;
    const before = timers();
    await client.unary(Unary, 'a');
    await collect(client.serverStreaming(Download, 'a'));
    await client.clientStreaming(Upload, ['a']);
    expect(timers()).toBe(before);
  });

  it('names the address and the system error when it cannot connect', async () => {
    const address = socketAddress();
    const client = makeClient({ address });
    for (const failure of [
      await rejection(client.unary(Unary, 'a')),
      await rejection(collect(client.serverStreaming(Download, 'a'))),
      await rejection(client.clientStreaming(Upload, ['a'])),
      await rejection(client.connect()),
    ]) {
      expect(failure).toBeInstanceOf(ConnectionError);
      expect(failure).toMatchObject({
        code: 14,
        reason: 'dial',
        address,
        requestWritten: false,
        message: expect.stringContaining('ENOENT'),
        cause: { code: 'ENOENT' },
      });
      expect((failure as Error).message).toContain(address);
    }
  });

  it('gives each call an error of its own', async () => {
    const client = makeClient({ address: socketAddress() });
    const [one, other] = await Promise.all([
      rejection(client.unary(Unary, 'a')),
      rejection(client.unary(Unary, 'b')),
    ]);
    expect(one).not.toBe(other);
    expect(one).toEqual(other);
  });

  it('gives up a call whose deadline passes while it connects', async () => {
    let signal: AbortSignal | undefined;
    const client = makeClient({
      dial(given) {
        signal = given;
        return never();
      },
    });
    const failures = await Promise.all([
      rejection(client.unary(Unary, 'a', { timeoutMs: 20 })),
      rejection(client.clientStreaming(Upload, ['a'], { timeoutMs: 20 })),
    ]);
    for (const failure of failures) expect(failure).toMatchObject({ code: 4, origin: 'local' });
    expect(signal?.aborted).toBe(false);
  });

  it('gives up a call whose deadline passes while the connection takes no more', async () => {
    const { address, sockets } = await listenRaw((socket) => socket.pause());
    const client = makeClient({ address });
    const stuck = rejection(client.unary(Unary, 'x'.repeat(3 << 20)));
    await until(() => sockets.length === 1);
    await turn();
    const waiting = client.unary(Unary, 'never sent', { timeoutMs: 20 });
    expect(await rejection(waiting)).toMatchObject({ code: 4, origin: 'local' });
    const chunks: Buffer[] = [];
    sockets[0]?.on('data', (chunk) => chunks.push(chunk)).resume();
    const size = (): number => chunks.reduce((sum, chunk) => sum + chunk.length, 0);
    await until(() => size() > 3 << 20);
    await client.close();
    await stuck;
    expect(Buffer.concat(chunks).includes('never sent')).toBe(false);
  });

  it('holds a dialer to connectTimeoutMs, and destroys a stream that comes too late', async () => {
    const [near] = duplexPair();
    const { opened, open } = gate();
    const signals: AbortSignal[] = [];
    const client = makeClient({
      connectTimeoutMs: 20,
      async dial(signal) {
        signals.push(signal);
        await opened;
        return near;
      },
    });
    const failure = await rejection(client.unary(Unary, 'a'));
    expect(failure).toMatchObject({
      reason: 'dial',
      message: 'cannot connect to a Duplex: no answer within 20 ms',
    });
    expect(signals[0]?.aborted).toBe(true);
    open();
    await until(() => near.destroyed);
  });

  it.each<[string, unknown]>([
    ['nothing', undefined],
    ['an object', {}],
  ])('fails the calls when a dialer gives %s', async (_, given) => {
    const client = makeClient({ dial: () => given as never });
    expect(await rejection(client.unary(Unary, 'a'))).toMatchObject({ reason: 'dial' });
  });

  it('sends what was queued while it connected, in order', async () => {
    const seen: string[] = [];
    const server = makeServer({
      Unary: (request: string) => seen.push(request) && request,
      async Upload(requests: AsyncIterable<string>) {
        seen.push('upload');
        return (await collect(requests)).join('+');
      },
      *Download(request: string) {
        seen.push(request);
        yield request;
      },
    });
    const client = makeClient({ address: await server.listen(socketAddress()) });
    const calls = [
      client.unary(Unary, 'a'),
      client.clientStreaming(Upload, ['x', 'y']),
      collect(client.serverStreaming(Download, 'b')),
      client.unary(Unary, 'c'),
    ];
    expect(await Promise.all(calls)).toEqual(['a', 'x+y', ['b'], 'c']);
    expect(seen).toEqual(['a', 'upload', 'b', 'c']);
  });

  it('refuses calls that would make the queue too large', async () => {
    const client = makeClient({ dial: never, maxSendBufferBytes: 1000 });
    client.unary(Unary, 'x'.repeat(500)).catch(() => {});
    expect(await rejection(client.unary(Unary, 'x'.repeat(500)))).toMatchObject({
      code: 8,
      details: expect.stringContaining('maxSendBufferBytes'),
    });
    expect(await rejection(client.unary(Unary, 7 as never))).toMatchObject({ code: 13 });
  });

  it('fails calls in flight when the server goes away, and connects again for the next', async () => {
    const address = socketAddress();
    const first = makeServer({ Unary: never });
    await first.listen(address);
    const events: string[] = [];
    const client = makeClient({
      address,
      onConnect: () => events.push('connect'),
      onClose: (error) => events.push(error.reason),
    });
    const failure = rejection(client.unary(Unary, 'a'));
    const streams = rejection(client.clientStreaming(Upload, ['a']));
    await until(() => first.connections === 1);
    await turn();
    await first.close();
    expect(await failure).toMatchObject({ reason: 'eof', address, requestWritten: true });
    await streams;
    expect(client.connected).toBe(false);
    const second = makeServer(ECHO);
    await second.listen(address);
    expect(await client.unary(Unary, 'b')).toBe('echo b');
    expect(events).toEqual(['connect', 'eof', 'connect']);
  });

  it('keeps calls that wait in the queue over a reconnect', async () => {
    const { address, sockets } = await listenRaw((socket) => socket.pause());
    const client = makeClient({ address, maxPayloadBytes: 8 << 20 });
    const stuck = [rejection(client.unary(Unary, 'x'.repeat(4 << 20)))];
    await until(() => sockets.length === 1);
    stuck.push(rejection(client.unary(Unary, 'x'.repeat(4 << 20))));
    const waiting = rejection(client.unary(Unary, 'waits'));
    await turn();
    sockets[0]?.destroy();
    expect(await stuck[0]).toMatchObject({ requestWritten: true });
    await until(() => sockets.length === 2);
    const chunks: Buffer[] = [];
    sockets[1]?.on('data', (chunk) => chunks.push(chunk)).resume();
    await until(() => Buffer.concat(chunks).includes('waits'));
    sockets[1]?.destroy();
    expect(await waiting).toMatchObject({ requestWritten: true });
    await Promise.all(stuck);
  });

  it('leaves the queue when a waiting call is given up, and is never sent', async () => {
    const { opened, open } = gate();
    const seen: string[] = [];
    const server = makeServer({ Unary: (request: string) => seen.push(request) && request });
    const [near, far] = duplexPair();
    const client = makeClient({
      async dial() {
        await opened;
        return near;
      },
    });
    const controller = new AbortController();
    const given = rejection(client.unary(Unary, 'given up', { signal: controller.signal }));
    const kept = client.unary(Unary, 'kept');
    controller.abort();
    expect(await given).toMatchObject({ code: 1 });
    open();
    await server.serve(far);
    expect(await kept).toBe('kept');
    expect(seen).toEqual(['kept']);
  });

  it('connects on request, once', async () => {
    const server = makeServer(ECHO);
    const client = makeClient({ address: await server.listen(socketAddress()) });
    await Promise.all([client.connect(), client.connect()]);
    await client.connect();
    expect(server.connections).toBe(1);
  });

  it('serves its calls although a hook throws, and the error surfaces', async () => {
    const uncaught = nextUncaught();
    const server = makeServer(ECHO);
    const client = makeClient({
      address: await server.listen(socketAddress()),
      onConnect() {
        throw new Error('hook');
      },
    });
    expect(await client.unary(Unary, 'a')).toBe('echo a');
    expect(await uncaught).toMatchObject({ message: 'hook' });
  });

  it('loses no other call when the callbacks of a raw one throw, and the error surfaces', async () => {
    const server = makeServer(ECHO);
    const client = makeClient({ address: await server.listen(socketAddress()) });
    await client.connect();
    const other = client.unary(Unary, 'a');
    const nothing = (): void => {};
    const fault = (): never => {
      throw new Error('callback');
    };
    const first = nextUncaught();
    client.startUnary(Unary, 'b', { resolve: fault, reject: nothing });
    expect(await first).toMatchObject({ message: 'callback' });
    const second = nextUncaught();
    const listener = { onMessage: fault, onEnd: nothing, onError: nothing, onDrain: nothing };
    client.startStream(Download, { request: 'one', listener });
    expect(await second).toMatchObject({ message: 'callback' });
    expect(await other).toBe('echo a');
    expect(await client.unary(Unary, 'c')).toBe('echo c');
    expect(server.connections).toBe(1);
  });

  it('answers a raw call and takes it back', async () => {
    const server = makeServer(ECHO);
    const client = makeClient({ address: await server.listen(socketAddress()) });
    const ended = new Promise((resolve) => {
      const listener = {
        onMessage: () => {},
        onEnd: () => {},
        onError: resolve,
        onDrain: () => {},
      };
      const call = client.startStream(Chat, { listener });
      expect(call.send('a')).toBe(false);
      call.endMessages();
      expect(() => call.send('b')).toThrow('cannot send: this side has ended its messages');
      call.cancel('enough');
    });
    expect(await ended).toMatchObject({ code: 1, cause: 'enough' });
  });

  it('keeps messages that were sent before there is a connection, within a bound', async () => {
    const server = makeServer(ECHO);
    const client = makeClient({ address: await server.listen(socketAddress()) });
    const got: string[] = [];
    await new Promise<void>((resolve) => {
      const call = client.startStream(Chat, {
        listener: {
          onMessage: (message) => void got.push(message),
          onEnd: resolve,
          onError: () => expect.unreachable(),
          onDrain: () => {},
        },
      });
      for (const message of ['a', 'b', 'c']) call.send(message);
      call.endMessages();
    });
    expect(got).toEqual(['echo a', 'echo b', 'echo c']);
    const idle = makeClient({ dial: never });
    const error = await new Promise((resolve) => {
      const nothing = (): void => {};
      const call = idle.startStream(Chat, {
        listener: { onMessage: nothing, onEnd: nothing, onError: resolve, onDrain: nothing },
      });
      for (let n = 0; n < 5; n++) call.send('x'.repeat(1 << 20));
    });
    expect(error).toMatchObject({ code: 8 });
  });
});

describe('TtrpcClient.close', () => {
  it('is idempotent, and ends every later call', async () => {
    const server = makeServer(ECHO);
    const client = makeClient({ address: await server.listen(socketAddress()) });
    await client.unary(Unary, 'a');
    expect(client.close()).toBe(client.close());
    await client.close();
    expect(client.connected).toBe(false);
    const failures = [
      client.unary(Unary, 'a'),
      collect(client.serverStreaming(Download, 'a')),
      client.connect(),
    ].map((call) => rejection(call));
    for (const failure of await Promise.all(failures)) {
      expect(failure).toMatchObject({
        reason: 'local',
        message: expect.stringContaining('client is closed'),
      });
    }
    await until(() => server.connections === 0);
  });

  it('fails calls in flight and those that wait', async () => {
    const server = makeServer({ Unary: never });
    const client = makeClient({ address: await server.listen(socketAddress()) });
    const inFlight = rejection(client.unary(Unary, 'a'));
    await until(() => server.connections === 1);
    await client.close();
    expect(await inFlight).toMatchObject({ reason: 'local', requestWritten: true });
  });

  it('gives up a dial under way', async () => {
    const [near] = duplexPair();
    const { opened, open } = gate();
    let aborted = false;
    const client = makeClient({
      async dial(signal) {
        signal.addEventListener('abort', () => (aborted = true));
        await opened;
        return near;
      },
    });
    const call = rejection(client.unary(Unary, 'a'));
    const connecting = rejection(client.connect());
    await client.close();
    expect(aborted).toBe(true);
    expect(await call).toMatchObject({ reason: 'local' });
    expect(await connecting).toMatchObject({ reason: 'local' });
    open();
    await until(() => near.destroyed);
  });

  it('leaves no stream open, whatever moment of a dial it comes at', async () => {
    for (let moment = 0; moment < 12; moment++) {
      const [near] = duplexPair();
      const client = makeClient({
        dial() {
          let closing = Promise.resolve();
          for (let n = 0; n < moment; n++) closing = closing.then(() => {});
          void closing.then(() => client.close());
          return near;
        },
      });
      const call = rejection(client.unary(Unary, 'a'));
      client.connect().catch(() => {});
      expect(await call).toMatchObject({ reason: 'local' });
      await until(() => near.destroyed);
    }
  });

  it('does not wait for a peer that never reads', async () => {
    const { address, sockets } = await listenRaw((socket) => socket.pause());
    const client = makeClient({ address });
    const stuck = rejection(client.unary(Unary, 'x'.repeat(3 << 20)));
    await until(() => sockets.length === 1);
    await turn();
    await client.close();
    expect(await stuck).toBeInstanceOf(ConnectionError);
  });

  it('is harmless before the first call', async () => {
    await new TtrpcClient({ address: socketAddress() }).close();
  });
});

describe('StatusError', () => {
  it('brings details over a socket', async () => {
    const details = [{ typeUrl: 'pkg.Detail', value: Buffer.from('x') }];
    const server = makeServer({
      Unary() {
        throw new StatusError({ code: 7, message: 'no', details });
      },
    });
    const client = makeClient({ address: await server.listen(socketAddress()) });
    expect(await rejection(client.unary(Unary, 'a'))).toMatchObject({
      status: { code: 7, details },
    });
  });
});
