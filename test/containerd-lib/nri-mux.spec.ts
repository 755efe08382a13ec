import { once } from 'node:events';
import { Duplex, PassThrough } from 'node:stream';
import { afterEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { NriMux, type NriMuxOptions } from '../../lib/containerd/nri-mux.js';
import { createDuplexPair } from '../../lib/testing/duplex-pair.js';
import { ECHO, makeClient, makeServer, turn, until } from '../engine/harness.js';
import { frameBytes } from '../support/arbitraries.js';
import { hex } from '../support/transcript.js';
import { Chat, Unary } from '../rpc/text-service.js';
import { closed, readBytes, socketPair } from '../transport/sockets.js';
import { tempFolder } from '../transport/temp-folder.js';
import { muxFrame, muxFramesIn } from './go-mux-reader.js';

const at = tempFolder();
let count = 0;

/** Two ends of a unix socket. */
async function sockets(): Promise<[Duplex, Duplex]> {
  const { near, far, stop } = await socketPair(at(`s${++count}`));
  onTestFinished(stop);
  return [near, far];
}

/** A mux that ends with the test, and what its owner was told. */
function makeMux(trunk: Duplex, options: NriMuxOptions = {}): { mux: NriMux; ends: unknown[] } {
  const ends: unknown[] = [];
  const mux = new NriMux(trunk, { ...options, onClose: (error) => void ends.push(error) });
  onTestFinished(() => mux.close());
  return { mux, ends };
}

/** A ttrpc message of that many bytes in all. */
const message = (size: number): Buffer =>
  frameBytes({ streamId: 1, type: 3, flags: 0, payload: Buffer.alloc(size - 10, size) });

/** What comes out of a stream from now on. */
function collect(stream: Duplex): { bytes: () => Buffer } {
  const chunks: Buffer[] = [];
  stream.on('data', (chunk: Buffer) => void chunks.push(chunk));
  return { bytes: () => Buffer.concat(chunks) };
}

afterEach(() => void vi.useRealTimers());

describe.each([
  ['a unix socket', sockets],
  ['a pipe in memory', () => Promise.resolve(createDuplexPair())],
])('NriMux over %s', (_, makePair) => {
  it('carries calls in both directions, each on a connection of its own', async () => {
    const [near, far] = await makePair();
    const plugin = makeMux(near).mux;
    const runtime = makeMux(far).mux;
    await makeServer(ECHO).serve(plugin.open(1));
    const toRuntime = makeClient({ stream: plugin.open(2) });
    await makeServer({ ...ECHO, Unary: async (text: string) => `runtime ${text}` }).serve(
      runtime.open(2),
    );
    const toPlugin = makeClient({ stream: runtime.open(1) });
    const numbers = Array.from({ length: 50 }, (__, n) => String(n));
    const [there, back] = await Promise.all([
      Promise.all(numbers.map((n) => toPlugin.unary(Unary, n))),
      Promise.all(numbers.map((n) => toRuntime.unary(Unary, n))),
    ]);
    expect(there).toEqual(numbers.map((n) => `echo ${n}`));
    expect(back).toEqual(numbers.map((n) => `runtime ${n}`));
  });

  it('carries the largest messages both ways at once, and small ones beside them', async () => {
    const [near, far] = await makePair();
    const [plugin, runtime] = [makeMux(near).mux, makeMux(far).mux];
    await makeServer(ECHO).serve(plugin.open(1));
    await makeServer(ECHO).serve(runtime.open(2));
    const clients = [
      makeClient({ stream: runtime.open(1) }),
      makeClient({ stream: plugin.open(2) }),
    ];
    const large = 'x'.repeat(4 * 1024 * 1024 - 100);
    await Promise.all(
      clients.map(async (client) => {
        const [a, b] = await Promise.all([client.unary(Unary, large), client.unary(Unary, 'b')]);
        expect([a === `echo ${large}`, b]).toEqual([true, 'echo b']);
      }),
    );
  });

  it('keeps the order of a stream', async () => {
    const [near, far] = await makePair();
    await makeServer(ECHO).serve(makeMux(near).mux.open(7));
    const client = makeClient({ stream: makeMux(far).mux.open(7) });
    const texts = Array.from({ length: 500 }, (__, n) => String(n).repeat(1 + (n % 70) * 100));
    const answers: string[] = [];
    for await (const text of client.bidirectional(Chat, texts)) answers.push(text);
    expect(answers).toEqual(texts.map((text) => `echo ${text}`));
  });
});

describe('NriMux', () => {
  it('writes each message in frames that Go can read', async () => {
    const [near, far] = await sockets();
    const connection = makeMux(near).mux.open(2);
    const out = collect(far);
    connection.write(Buffer.concat([message(12), message(10_000)]));
    await until(() => out.bytes().length === 12 + 10_000 + 3 * 8);
    const frames = muxFramesIn(out.bytes()).map(({ connection: id, payload }) => [
      id,
      payload.length,
    ]);
    expect(frames).toEqual([
      [2, 12],
      [2, 4096],
      [2, 5904],
    ]);
  });

  it('delivers what came before anybody listened', async () => {
    const [near, far] = await sockets();
    far.write(muxFrame(1, Buffer.from('early')));
    const connection = makeMux(near).mux.open(1);
    expect(await readBytes(connection, 5)).toBe('early');
  });

  it('loses what comes for connections that are not open', async () => {
    const [near, far] = await sockets();
    const connection = makeMux(near).mux.open(1);
    far.write(Buffer.concat([muxFrame(9, Buffer.from('lost')), muxFrame(1, Buffer.from('kept'))]));
    expect(await readBytes(connection, 4)).toBe('kept');
  });

  it.each([
    [0, RangeError, 'the connection id must be a whole number from 1 to 4294967295, got 0'],
    [2 ** 32, RangeError, 'got 4294967296'],
    [1.5, RangeError, 'got 1.5'],
  ])('opens no connection %d', (id, kind, text) => {
    const { mux } = makeMux(createDuplexPair()[0]);
    expect(() => mux.open(id)).toThrow(kind);
    expect(() => mux.open(id)).toThrow(text);
  });

  it('opens a connection once, also when it has ended', () => {
    const { mux } = makeMux(createDuplexPair()[0]);
    const connection = mux.open(1);
    expect(() => mux.open(1)).toThrow('connection 1 was opened already');
    mux.open(2);
    connection.destroy();
    expect(() => mux.open(1)).toThrow('connection 1 was opened already');
  });

  it.each([
    [{ maxBufferBytes: 0 }, 'maxBufferBytes must be a whole number from 1'],
    [{ stallTimeoutMs: 2 ** 31 }, 'stallTimeoutMs must be a whole number from 1 to 2147483647'],
  ])('refuses %j', (options, text) => {
    expect(() => new NriMux(createDuplexPair()[0], options)).toThrow(text);
  });

  it('refuses a stream of objects, and ends it', () => {
    const trunk = new PassThrough({ objectMode: true });
    expect(() => new NriMux(trunk)).toThrow(
      'an NRI mux needs a Duplex of bytes, got one in object mode',
    );
    expect(trunk.destroyed).toBe(true);
  });
});

describe('the end of an NriMux', () => {
  it.each([
    ['the reserved connection', hex('00000000 00000000'), 'connection 0'],
    ['a frame that is too large', hex('00000001 ffffffff'), '4294967295 bytes for connection 1'],
  ])('comes with %s, and every connection is told why', async (_, bytes, text) => {
    const [near, far] = await sockets();
    const { mux, ends } = makeMux(near);
    const connections = [mux.open(1), mux.open(2)];
    far.write(bytes);
    await Promise.all([...connections, near].map(closed));
    for (const { errored } of connections) {
      expect(errored).toMatchObject({ kind: 'ttrpc.protocol' });
      expect(errored?.message).toContain(text);
    }
    expect(ends).toEqual([connections[0]?.errored]);
    expect(mux.closed).toBe(true);
    expect(() => mux.open(3)).toThrow("connection 3 can't be opened: the mux has ended");
  });

  it('comes with bytes of no kind', async () => {
    const trunk = new Duplex({ read: () => undefined });
    const { ends } = makeMux(trunk);
    trunk.emit('data', 7);
    expect(String(ends)).toContain('a chunk of type number');
  });

  it('comes with the end of the stream, behind what was in it', async () => {
    const [near, far] = await sockets();
    const { mux, ends } = makeMux(near);
    const connection = mux.open(1);
    far.end(muxFrame(1, Buffer.from('last')));
    expect(await readBytes(connection, 4)).toBe('last');
    connection.resume();
    await Promise.all([closed(connection), closed(near)]);
    expect([ends, connection.errored]).toEqual([[undefined], null]);
  });

  it('is an error in the middle of a frame', async () => {
    const [near, far] = await sockets();
    const { mux, ends } = makeMux(near);
    const connection = mux.open(1);
    far.end(muxFrame(1, Buffer.from('last')).subarray(0, -1));
    await closed(connection);
    expect(ends).toEqual([connection.errored]);
    expect(connection.errored?.message).toBe(
      'the stream of an NRI mux ended in the middle of a frame',
    );
  });

  it("comes with the stream's own failure", async () => {
    const [near] = await sockets();
    const { mux, ends } = makeMux(near);
    const connection = mux.open(1);
    const failure = new Error('EIO');
    near.destroy(failure);
    await closed(connection);
    expect([ends, connection.errored]).toEqual([[failure], failure]);
  });

  it.each([
    ['destroyed', (trunk: Duplex) => trunk.destroy(), undefined],
    ['ended', (trunk: Duplex) => trunk.end(), undefined],
    ['broken', (trunk: Duplex) => trunk.destroy(new Error('EIO')), 'EIO'],
  ])('comes at once if the stream was %s before', async (_, spoil, text) => {
    const [trunk] = createDuplexPair();
    spoil(trunk);
    await turn();
    const { mux, ends } = makeMux(trunk);
    const connection = mux.open(1).resume();
    await closed(connection);
    expect(ends.map((error) => (error as Error | undefined)?.message)).toEqual([text]);
  });

  it('comes with close(), for all connections', async () => {
    const [near, far] = await sockets();
    const { mux, ends } = makeMux(near);
    const connections = [mux.open(1), mux.open(2)];
    far.resume();
    mux.close();
    mux.close();
    await Promise.all([...connections, near, far].map(closed));
    expect(ends).toEqual([undefined]);
    expect(connections.map(({ errored }) => errored)).toEqual([null, null]);
  });

  it('comes with that of the last connection, behind what was written', async () => {
    const [near, far] = await sockets();
    const { mux, ends } = makeMux(near);
    const [first, last] = [mux.open(1), mux.open(2)];
    first.destroy();
    await turn();
    const out = collect(far);
    const big = message(3_000_000);
    last.write(big);
    last.end(() => last.destroy());
    await closed(far);
    const carried = Buffer.concat(muxFramesIn(out.bytes()).map(({ payload }) => payload));
    expect(carried.equals(big)).toBe(true);
    await closed(near);
    expect([ends, mux.closed]).toEqual([[undefined], true]);
  });

  it('waits only so long for a peer that does not read', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const trunk = new Duplex({ read: () => undefined, write: () => undefined });
    const { mux, ends } = makeMux(trunk);
    const connection = mux.open(1);
    connection.write(message(100));
    connection.destroy();
    await vi.advanceTimersByTimeAsync(4999);
    expect([trunk.destroyed, ends]).toEqual([false, []]);
    await vi.advanceTimersByTimeAsync(1);
    expect(trunk.destroyed).toBe(true);
    await closed(trunk);
    expect(ends).toEqual([undefined]);
  });

  it('fails what is written behind it', async () => {
    const [trunk] = createDuplexPair();
    const { mux } = makeMux(trunk);
    const connection = mux.open(1);
    trunk.destroy();
    await closed(trunk);
    // Its end has come, and nobody has read so far: it is open to writers.
    connection.write(message(20));
    await closed(connection);
    expect(connection.errored?.message).toBe('the stream of an NRI mux has ended');
  });
});

describe('backpressure of an NriMux', () => {
  it('keeps what one connection does not read up to its bound, and serves the others', async () => {
    const [near, far] = await sockets();
    const { mux } = makeMux(near, { maxBufferBytes: 1000 });
    const [lazy, busy] = [mux.open(1), mux.open(2)];
    far.write(Buffer.concat([muxFrame(1, Buffer.alloc(999)), muxFrame(2, Buffer.from('a'))]));
    expect(await readBytes(busy, 1)).toBe('a');
    expect(near.isPaused()).toBe(false);
    far.write(muxFrame(1, Buffer.alloc(1)));
    await until(() => near.isPaused());
    far.write(muxFrame(2, Buffer.from('b')));
    lazy.resume();
    expect(await readBytes(busy, 1)).toBe('b');
  });

  it('reads on when all that lagged have read', async () => {
    const [near, far] = await sockets();
    const { mux } = makeMux(near, { maxBufferBytes: 10 });
    const [one, two] = [mux.open(1), mux.open(2)];
    far.write(Buffer.concat([muxFrame(1, Buffer.alloc(10)), muxFrame(2, Buffer.alloc(10))]));
    await until(() => near.isPaused());
    one.resume();
    await turn();
    expect(near.isPaused()).toBe(true);
    two.resume();
    await until(() => !near.isPaused());
  });

  it('reads on when the one that lagged has ended', async () => {
    const [near, far] = await sockets();
    const { mux } = makeMux(near, { maxBufferBytes: 10 });
    const [one, two] = [mux.open(1), mux.open(2)];
    far.write(Buffer.concat([muxFrame(1, Buffer.alloc(10)), muxFrame(2, Buffer.from('x'))]));
    await until(() => near.isPaused());
    one.destroy();
    expect(await readBytes(two, 1)).toBe('x');
    await until(() => !near.isPaused());
  });

  it('ends for a reader that lags too long', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const [near, far] = await sockets();
    const { mux, ends } = makeMux(near, { maxBufferBytes: 10, stallTimeoutMs: 700 });
    const connection = mux.open(1);
    far.write(muxFrame(1, Buffer.alloc(10)));
    await until(() => near.isPaused());
    await vi.advanceTimersByTimeAsync(699);
    expect(ends).toEqual([]);
    await vi.advanceTimersByTimeAsync(1);
    const text = 'nobody has read 10 bytes of connection 1 for 700 ms';
    expect(ends).toMatchObject([{ kind: 'ttrpc.buffer-full', details: text }]);
    expect(connection.destroyed).toBe(true);
  });

  it('has no timer when nobody lags, or when it is over', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const [near, far] = await sockets();
    const { mux } = makeMux(near, { maxBufferBytes: 10 });
    const connection = mux.open(1);
    far.write(muxFrame(1, Buffer.alloc(10)));
    await until(() => near.isPaused());
    expect(vi.getTimerCount()).toBe(1);
    connection.resume();
    await until(() => !near.isPaused());
    expect(vi.getTimerCount()).toBe(0);
    connection.pause();
    far.write(muxFrame(1, Buffer.alloc(10)));
    await until(() => near.isPaused());
    mux.close();
    expect(vi.getTimerCount()).toBe(0);
  });

  it('makes a writer wait for a peer that does not read', async () => {
    const [near, far] = await sockets();
    const { mux } = makeMux(near);
    const [one, two] = [mux.open(1), mux.open(2)];
    const big = message(4_000_000);
    let written = 0;
    expect(one.write(big, () => void written++)).toBe(false);
    two.write(message(12), () => void written++);
    await turn();
    expect(written).toBe(0);
    expect(one.writableLength).toBe(big.length);
    const drained = once(one, 'drain');
    far.resume();
    await drained;
    await until(() => written === 2);
  });

  it('leaves the memory of a write alone once that is over, whoever still has the bytes', async () => {
    const kept: Buffer[] = [];
    const trunk = new Duplex({
      read: () => undefined,
      write: (chunk: Buffer, _, done) => {
        kept.push(chunk);
        done();
      },
    });
    const connection = makeMux(trunk).mux.open(1);
    const big = message(10_000);
    const before = Buffer.from(big);
    await new Promise<void>((resolve) => void connection.write(big, () => resolve()));
    big.fill(0);
    const carried = muxFramesIn(Buffer.concat(kept)).map(({ payload }) => payload);
    expect(Buffer.concat(carried).equals(before)).toBe(true);
  });

  it("says of a write that the system took that it is over, before the socket's own word", async () => {
    const [near, far] = await sockets();
    far.resume();
    const connection = makeMux(near).mux.open(1);
    connection.write(message(100));
    expect(connection.writableLength).toBe(0);
  });
});
