import { once } from 'node:events';
import { connect } from 'node:net';
import { Duplex } from 'node:stream';
import { describe, expect, it, vi } from 'vitest';
import {
  ConnectionError,
  DefinitionError,
  HandshakeError,
  TtrpcServer,
  UsageError,
  type CallContext,
  type Handshake,
  type Peer,
} from '../../lib/engine/index.js';
import { Chat, collect, Download, rejection, SERVICE, Unary, Upload } from '../rpc/text-service.js';
import { closed, readBytes } from '../transport/sockets.js';
import { tempFolder } from '../transport/temp-folder.js';
import { duplexPair, ECHO, gate, makeClient, makeServer, never, turn, until } from './harness.js';

const at = tempFolder();
let count = 0;
const socketAddress = (): string => `unix://${at(`s${++count}`)}`;
const pathOf = (address: string): string => address.slice('unix://'.length);

describe('TtrpcServer', () => {
  it('serves several addresses at once', async () => {
    const server = makeServer(ECHO);
    const addresses = [
      await server.listen(socketAddress()),
      await server.listen('tcp://127.0.0.1:0'),
    ];
    for (const address of addresses) {
      expect(await makeClient({ address }).unary(Unary, 'a')).toBe('echo a');
    }
    expect(server.connections).toBe(2);
  });

  it('binds methods to their implementation, by any spelling, a class too', async () => {
    class Service {
      readonly greeting = 'hello';
      unary(request: string): string {
        return `${this.greeting} ${request}`;
      }
    }
    const server = makeServer(new Service() as never);
    const client = makeClient({ address: await server.listen(socketAddress()) });
    expect(await client.unary(Unary, 'a')).toBe('hello a');
    expect(await rejection(client.clientStreaming(Upload, []))).toMatchObject({
      code: 12,
      details: 'method Upload',
    });
  });

  it('refuses a function that belongs to no method, and serves nothing of it then', async () => {
    const server = makeServer({});
    const add = (): void => server.addService(SERVICE, { ...ECHO, Missing: () => '' });
    expect(add).toThrow(DefinitionError);
    expect(add).toThrow(
      'Missing: no such method of test.Text, which has Unary, Download, Upload, Chat',
    );
    server.addService(SERVICE, ECHO);
    expect(() => server.addService(SERVICE, ECHO)).toThrow(UsageError);
    const partly = makeServer({ Download: ECHO.Download });
    expect(() => partly.addService(SERVICE, ECHO)).toThrow(UsageError);
    partly.addService(SERVICE, { Unary: ECHO.Unary });
  });

  it('tells a handler who calls', async () => {
    const peers: Peer[] = [];
    const server = makeServer(
      { Unary: (_: string, { peer }: CallContext) => peers.push(peer) && '' },
      { handshake: () => Promise.resolve('badge') },
    );
    const local = await server.listen(socketAddress());
    await makeClient({ address: local }).unary(Unary, '');
    await makeClient({ address: await server.listen('tcp://127.0.0.1:0') }).unary(Unary, '');
    expect(peers).toEqual([
      { address: local, attachment: 'badge' },
      { address: expect.stringMatching(/^tcp:\/\/127\.0\.0\.1:\d+$/), attachment: 'badge' },
    ]);
  });

  it('lets a handshake read and write before the first frame', async () => {
    const handshake: Handshake = async (socket) => {
      socket.write('hi\n');
      await once(socket, 'readable');
      return (socket.read(5) as Buffer).toString();
    };
    const server = makeServer(
      { Unary: (_: string, { peer }: CallContext) => String(peer.attachment) },
      { handshake },
    );
    const address = await server.listen(socketAddress());
    const client = makeClient({
      async dial() {
        const socket = connect(pathOf(address));
        expect(await readBytes(socket, 3)).toBe('hi\n');
        socket.write('token');
        return socket;
      },
    });
    expect(await client.unary(Unary, '')).toBe('token');
  });

  it.each<[string, Handshake, string]>([
    [
      'refuses',
      () => {
        throw new Error('who are you?');
      },
      'the handshake refused the connection: who are you?',
    ],
    ['takes too long', never, 'the handshake took longer than 20 ms'],
  ])('closes a connection whose handshake %s', async (_, handshake, message) => {
    const errors: Error[] = [];
    const onConnect = vi.fn();
    const server = makeServer(ECHO, {
      handshake,
      handshakeTimeoutMs: 20,
      onError: (error) => errors.push(error),
      onConnect,
    });
    const client = makeClient({ address: await server.listen(socketAddress()) });
    expect(await rejection(client.unary(Unary, 'a'))).toBeInstanceOf(ConnectionError);
    expect(errors).toEqual([expect.any(HandshakeError)]);
    expect(errors[0]?.message).toBe(message);
    expect(onConnect).not.toHaveBeenCalled();
    expect(server.connections).toBe(0);
    const [near] = duplexPair();
    await expect(server.serve(near)).rejects.toThrow(message);
    expect(near.destroyed).toBe(true);
  });

  it('says when a connection comes and goes', async () => {
    const events: unknown[] = [];
    const server = makeServer(ECHO, {
      onConnect: ({ address }) => events.push(address),
      onClose: ({ address }, error) => events.push(address, error.reason),
    });
    const address = await server.listen(socketAddress());
    const client = makeClient({ address });
    await client.unary(Unary, 'a');
    await client.close();
    await until(() => server.connections === 0);
    expect(events).toEqual([address, address, 'eof']);
  });

  it('serves a stream whose error comes in the same breath', async () => {
    const server = makeServer(ECHO, {});
    const broken = new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() });
    broken.destroy(new Error('broken'));
    await server.serve(broken);
    await closed(broken);
    await until(() => server.connections === 0);
  });

  it('takes maxConnections connections and closes the next as soon as it is made', async () => {
    const errors: Error[] = [];
    const server = makeServer(ECHO, {
      maxConnections: 2,
      onError: (error) => errors.push(error),
    });
    const address = await server.listen(socketAddress());
    const clients = [makeClient({ address }), makeClient({ address })];
    for (const client of clients) expect(await client.unary(Unary, 'a')).toBe('echo a');
    const third = makeClient({ address });
    expect(await rejection(third.unary(Unary, 'a'))).toBeInstanceOf(ConnectionError);
    expect(errors.map(({ message }) => message)).toEqual([
      'connection refused: maxConnections is 2',
    ]);
    await clients[0]?.close();
    await until(() => server.connections === 1);
    expect(await third.unary(Unary, 'a')).toBe('echo a');
  });

  it('takes maxOpenStreams streams on a connection and refuses the next', async () => {
    const { opened, open } = gate();
    let started = 0;
    const server = makeServer(
      {
        async Unary(request: string) {
          started += 1;
          await opened;
          return request;
        },
      },
      { maxOpenStreams: 2 },
    );
    const client = makeClient({ address: await server.listen(socketAddress()) });
    const held = [client.unary(Unary, 'a'), client.unary(Unary, 'b')];
    await until(() => started === 2);
    expect(await rejection(client.unary(Unary, 'c'))).toMatchObject({
      code: 8,
      details: 'too many open streams: the limit is 2 on a connection',
    });
    open();
    expect(await Promise.all(held)).toEqual(['a', 'b']);
    expect(await client.unary(Unary, 'd')).toBe('d');
  });

  it('aborts signals and ends generators when the client goes away', async () => {
    const events: string[] = [];
    const server = makeServer({
      Unary(_: string, { signal }: CallContext) {
        signal.addEventListener('abort', () => events.push('unary'));
        return never();
      },
      async *Download(_: string, { signal }: CallContext) {
        try {
          yield 'a';
          await new Promise((resolve) => signal.addEventListener('abort', resolve));
        } finally {
          events.push('download');
        }
      },
      async Upload(requests: AsyncIterable<string>) {
        await rejection(collect(requests));
        events.push('upload');
        return '';
      },
    });
    const client = makeClient({ address: await server.listen(socketAddress()) });
    client.unary(Unary, 'a').catch(() => {});
    client
      .clientStreaming(Upload, { [Symbol.asyncIterator]: () => ({ next: never }) })
      .catch(() => {});
    const responses = client.serverStreaming(Download, 'a')[Symbol.asyncIterator]();
    await responses.next();
    responses.next().catch(() => {});
    await client.close();
    await until(() => events.length === 3);
    expect(events.toSorted()).toEqual(['download', 'unary', 'upload']);
  });
});

describe('TtrpcServer.close', () => {
  it('ends everything now, and accepts nothing more', async () => {
    const signals: AbortSignal[] = [];
    const server = makeServer({
      Unary(_: string, { signal }: CallContext) {
        signals.push(signal);
        return never();
      },
    });
    const address = await server.listen(socketAddress());
    const client = makeClient({ address });
    const call = rejection(client.unary(Unary, 'a'));
    await until(() => signals.length === 1);
    await server.close();
    await server.close();
    expect(signals[0]?.aborted).toBe(true);
    expect(await call).toMatchObject({ reason: 'eof' });
    expect(await rejection(client.unary(Unary, 'a'))).toMatchObject({ reason: 'dial' });
    await expect(server.listen(socketAddress())).rejects.toThrow('server is closed');
    const [near] = duplexPair();
    await expect(server.serve(near)).rejects.toThrow('server is closed');
    expect(near.destroyed).toBe(true);
  });

  it('overtakes a listen under way', async () => {
    const server = new TtrpcServer();
    const listening = rejection(server.listen('tcp://127.0.0.1:0'));
    await server.close();
    expect(await listening).toBeInstanceOf(UsageError);
  });

  it('ends handshakes under way', async () => {
    const server = makeServer(ECHO, { handshake: never });
    const [near] = duplexPair();
    const serving = rejection(server.serve(near));
    await server.close();
    expect(await serving).toBeInstanceOf(HandshakeError);
    expect(near.destroyed).toBe(true);
  });

  it('overtakes a handshake that has just succeeded', async () => {
    const { opened, open } = gate();
    const server = makeServer(ECHO, { handshake: () => opened });
    const [near] = duplexPair();
    const serving = rejection(server.serve(near));
    open();
    await Promise.resolve();
    await server.close();
    expect(await serving).toBeInstanceOf(Error);
    expect(near.destroyed).toBe(true);
    expect(server.connections).toBe(0);
  });
});

describe('TtrpcServer.shutdown', () => {
  it('lets calls in flight end, refuses new ones, and closes idle connections at once', async () => {
    const { opened, open } = gate();
    let started = 0;
    const server = makeServer({
      async Unary(request: string) {
        started += 1;
        await opened;
        return request;
      },
      async *Chat(requests: AsyncIterable<string>) {
        for await (const request of requests) yield request;
      },
    });
    const address = await server.listen(socketAddress());
    const idle = makeClient({ address });
    const busy = makeClient({ address });
    await idle.connect();
    const call = busy.unary(Unary, 'a');
    await until(() => started === 1 && server.connections === 2);
    let over = false;
    const shutdown = server.shutdown({ graceMs: 60_000 }).then(() => (over = true));
    await until(() => server.connections === 1);
    expect(await rejection(busy.unary(Unary, 'b'))).toMatchObject({
      code: 14,
      details: 'server is shutting down',
      origin: 'remote',
    });
    expect(await rejection(makeClient({ address }).connect())).toMatchObject({ reason: 'dial' });
    expect(over).toBe(false);
    open();
    expect(await call).toBe('a');
    await shutdown;
    expect(server.connections).toBe(0);
    expect(process.getActiveResourcesInfo()).not.toContain('TCPServerWrap');
  });

  it.each(['a socket', 'a Duplex'])(
    'closes behind a last response that takes its time to leave, over %s',
    async (kind) => {
      const { opened, open } = gate();
      let started = false;
      const server = makeServer({
        async Unary(request: string) {
          started = true;
          await opened;
          return request.repeat(3 << 20);
        },
      });
      const [near, far] = duplexPair();
      if (kind === 'a Duplex') await server.serve(far);
      const address = await server.listen(socketAddress());
      const client = makeClient(kind === 'a Duplex' ? { dial: () => near } : { address });
      const call = client.unary(Unary, 'x');
      await until(() => started);
      const shutdown = server.shutdown({ graceMs: 60_000 });
      open();
      expect(await call).toHaveLength(3 << 20);
      await shutdown;
    },
  );

  it('ends what is left when the grace is over', async () => {
    const signals: AbortSignal[] = [];
    const server = makeServer({
      Unary(_: string, { signal }: CallContext) {
        signals.push(signal);
        return never();
      },
    });
    const client = makeClient({ address: await server.listen(socketAddress()) });
    const call = rejection(client.unary(Unary, 'a'));
    await until(() => signals.length === 1);
    await server.shutdown({ graceMs: 20 });
    expect(signals[0]?.aborted).toBe(true);
    expect(await call).toBeInstanceOf(ConnectionError);
  });

  it('is over at once when nothing is open', async () => {
    await makeServer(ECHO).shutdown({ graceMs: Infinity });
  });

  it('closes connections in their handshake at once', async () => {
    const server = makeServer(ECHO, { handshake: never });
    const [near] = duplexPair();
    const serving = rejection(server.serve(near));
    await server.shutdown({ graceMs: 60_000 });
    expect(near.destroyed).toBe(true);
    expect(await serving).toBeInstanceOf(HandshakeError);
  });

  it('resolves for everybody who waits for it, a close too', async () => {
    const server = makeServer({ Unary: never });
    const client = makeClient({ address: await server.listen(socketAddress()) });
    client.unary(Unary, 'a').catch(() => {});
    await until(() => server.connections === 1);
    await turn();
    await Promise.all([
      server.shutdown({ graceMs: 60_000 }),
      server.shutdown({ graceMs: 60_000 }),
      server.close(),
    ]);
  });

  it.each([0, -1, Number.NaN, '5'])('refuses a grace of %s', async (graceMs) => {
    await expect(makeServer(ECHO).shutdown({ graceMs: graceMs as number })).rejects.toThrow(
      RangeError,
    );
  });
});

describe('TtrpcServer, under back pressure', () => {
  it('pauses a producer of responses whose consumer is slow', async () => {
    let made = 0;
    const server = makeServer({
      async *Download() {
        for (; made < 2000; made++) yield 'x'.repeat(10_000);
      },
    });
    const client = makeClient({
      address: await server.listen(socketAddress()),
      maxStreamBufferBytes: 50_000,
      stallTimeoutMs: 60_000,
    });
    let taken = 0;
    let lead = 0;
    for await (const _ of client.serverStreaming(Download, '')) {
      taken += 1;
      await turn();
      await turn();
      lead = Math.max(lead, made - taken);
    }
    expect(taken).toBe(2000);
    expect(lead).toBeLessThan(500);
  });

  it('pauses a producer of requests whose handler is slow', async () => {
    let made = 0;
    let lead = 0;
    const server = makeServer(
      {
        async Upload(requests: AsyncIterable<string>) {
          let taken = 0;
          for await (const _ of requests) {
            taken += 1;
            await turn();
            await turn();
            lead = Math.max(lead, made - taken);
          }
          return String(taken);
        },
      },
      { maxStreamBufferBytes: 50_000, stallTimeoutMs: 60_000 },
    );
    const client = makeClient({ address: await server.listen(socketAddress()) });
    async function* produce(): AsyncGenerator<string> {
      for (; made < 2000; made++) yield 'x'.repeat(10_000);
    }
    expect(await client.clientStreaming(Upload, produce())).toBe('2000');
    expect(lead).toBeLessThan(500);
  });

  it('fails a stalled stream alone; another on the same connection goes on', async () => {
    const server = makeServer({
      ...ECHO,
      async *Download() {
        for (let n = 0; n < 2000; n++) yield 'x'.repeat(10_000);
      },
    });
    const client = makeClient({
      address: await server.listen(socketAddress()),
      maxStreamBufferBytes: 50_000,
      stallTimeoutMs: 50,
    });
    const stalled = client.serverStreaming(Download, '')[Symbol.asyncIterator]();
    await stalled.next();
    expect(await collect(client.bidirectional(Chat, ['a', 'b']))).toEqual(['echo a', 'echo b']);
    const end = (async () => {
      while ((await stalled.next()).done !== true);
    })();
    expect(await rejection(end)).toMatchObject({ kind: 'ttrpc.buffer-full', code: 8 });
    expect(server.connections).toBe(1);
  });
});
