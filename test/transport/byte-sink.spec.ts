import { once } from 'node:events';
import type { ByteSink } from '../../lib/protocol/byte-pipe.js';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { attach } from '../../lib/transport/attach.js';
import { Manual, memoryPair, Recorder, turn } from './recorder.js';
import { closed, socketPair } from './sockets.js';
import { tempFolder } from './temp-folder.js';

const at = tempFolder();
let count = 0;
const pair = (): ReturnType<typeof socketPair> => socketPair(at(`s${++count}`));

describe('ByteSink.write', () => {
  it('is true when the bytes have gone at once, whatever the high-water mark; the batch is back by then', async () => {
    const { near, far, stop } = await pair();
    far.resume();
    const peer = new Recorder(near);
    const big = Buffer.alloc(near.writableHighWaterMark + 1);
    expect(peer.sink.write(big)).toBe(true);
    expect(peer.events).toEqual([`written ${big.length}`]);
    expect(peer.sink.write(Buffer.from('bb'))).toBe(true);
    await turn();
    expect(peer.events).toEqual([`written ${big.length}`, 'written 2']);
    await stop();
  });

  it('gives each batch back once when some went at once and one has to wait', async () => {
    const { near, far, stop } = await pair();
    const peer = new Recorder(near);
    const lengths = [1, 2, 3];
    for (const length of lengths) expect(peer.sink.write(Buffer.alloc(length))).toBe(true);
    const huge = 8 * 1024 * 1024;
    expect(peer.sink.write(Buffer.alloc(huge))).toBe(false);
    await turn();
    expect(peer.events).toEqual(lengths.map((length) => `written ${length}`));
    far.resume();
    await vi.waitFor(() => expect(peer.events).toHaveLength(5));
    expect(peer.events.slice(3)).toEqual([`written ${huge}`, 'drain']);
    await stop();
  });

  it('is false while bytes wait, however few; then every batch comes back, then one drain', async () => {
    const socket = new Manual();
    const peer = new Recorder(socket);
    expect(peer.sink.write(Buffer.from('a'))).toBe(false);
    expect(peer.sink.write(Buffer.from('bb'))).toBe(false);
    socket.pending.shift()?.();
    await turn();
    expect(peer.events).toEqual(['written 1']);
    socket.pending.shift()?.();
    await turn();
    expect(peer.events).toEqual(['written 1', 'written 2', 'drain']);
    socket.destroy();
  });

  it('asks for no drain that nobody waits for', async () => {
    const socket = new Manual();
    const peer = new Recorder(socket);
    peer.sink.write(Buffer.from('a'));
    socket.pending.shift()?.();
    await turn();
    socket._write = (_chunk, _encoding, callback) => callback();
    expect(peer.sink.write(Buffer.from('bb'))).toBe(true);
    await turn();
    expect(peer.events).toEqual(['written 1', 'drain', 'written 2']);
    socket.destroy();
  });

  it("leaves a Duplex bytes of its own, which outlive the batch's memory", async () => {
    const [near, far] = memoryPair();
    const peer = new Recorder(near);
    const batch = Buffer.from('kept');
    peer.onWritten = (written) => void written.fill('x');
    peer.sink.write(batch);
    await turn();
    expect(batch.toString()).toBe('xxxx');
    expect((far.read() as Buffer).toString()).toBe('kept');
    near.destroy();
    far.destroy();
  });

  it('does not give a batch back that could not be written', async () => {
    const socket = new Manual();
    const peer = new Recorder(socket);
    peer.sink.write(Buffer.from('a'));
    socket.pending.shift()?.(new Error('EPIPE'));
    await peer.closed;
    expect(peer.events).toEqual(['closed']);
    expect(peer.cause).toEqual(new Error('EPIPE'));
  });

  it('stops at a peer that does not read, and drains when it does', async () => {
    const { near, far, stop } = await pair();
    const peer = new Recorder(near);
    const batch = Buffer.alloc(1 << 20);
    let written = 1;
    while (peer.sink.write(batch)) written += 1;
    let received = 0;
    far.on('data', (chunk) => (received += chunk.length));
    while (received < written * batch.length) await once(far, 'data');
    while (!peer.events.includes('drain')) await turn();
    expect(peer.events.filter((event) => event.startsWith('written'))).toHaveLength(written);
    expect(peer.events.at(-1)).toBe('drain');
    await stop();
  });

  it.each<[string, (sink: ByteSink) => void]>([
    ['end', (sink) => sink.end(false)],
    ['destroy', (sink) => sink.destroy()],
  ])('is harmless after %s', async (_, finish) => {
    const { near, stop } = await pair();
    const peer = new Recorder(near);
    finish(peer.sink);
    expect(peer.sink.write(Buffer.from('x'))).toBe(false);
    await peer.closed;
    expect(peer.sink.write(Buffer.from('x'))).toBe(false);
    await turn();
    expect(peer.events).toEqual(['closed']);
    expect(peer.cause).toBeUndefined();
    await stop();
  });
});

describe('ByteSink.scheduleFlush', () => {
  it.each<[string, (run: () => void) => void, string[]]>([
    ['a callback', (run) => setImmediate(run), ['tick', 'chain']],
    ['a promise', (run) => setImmediate(() => queueMicrotask(run)), ['chain', 'tick']],
  ])('flushes once, behind all that the turn has begun, asked in %s', async (_, start, before) => {
    const socket = new Manual();
    const peer = new Recorder(socket);
    start(() => {
      peer.sink.scheduleFlush();
      peer.sink.scheduleFlush();
      process.nextTick(() => {
        peer.events.push('tick');
        peer.sink.scheduleFlush();
      });
      void (async () => {
        for (let hop = 0; hop < 20; hop++) await Promise.resolve();
        peer.events.push('chain');
        peer.sink.scheduleFlush();
      })();
      setImmediate(() => peer.events.push('next turn'));
    });
    await turn();
    await turn();
    expect(peer.events).toEqual([...before, 'flush', 'next turn']);
    socket.destroy();
  });

  it('flushes again when it is asked again, from inside too, before the turn ends', async () => {
    const socket = new Manual();
    const peer = new Recorder(socket);
    peer.onFlush = () => {
      peer.onFlush = () => {};
      peer.sink.scheduleFlush();
    };
    const next = turn().then(() => peer.events.push('next turn'));
    peer.sink.scheduleFlush();
    await next;
    expect(peer.events).toEqual(['flush', 'flush', 'next turn']);
    socket.destroy();
  });
});

describe('ByteSink.pause', () => {
  it('stops the bytes until resume', async () => {
    const { near, far, stop } = await pair();
    const peer = new Recorder(near);
    peer.sink.pause();
    far.write('held');
    await turn();
    await turn();
    expect(peer.events).toEqual([]);
    peer.sink.resume();
    await new Promise<void>((resolve) => (peer.onReceive = () => resolve()));
    expect(peer.events).toEqual(['receive held']);
    await stop();
  });

  it('holds from the very start when the peer asks for it while it is made', async () => {
    const socket = new Manual();
    socket.push('held');
    let received = '';
    const sinks: ByteSink[] = [];
    attach(socket, (sink) => {
      sinks.push(sink);
      sink.pause();
      return {
        receive: (chunk) => void (received += chunk.toString()),
        flush() {},
        onWritten() {},
        onDrain() {},
        onClosed() {},
      };
    });
    await turn();
    expect(received).toBe('');
    sinks[0]?.resume();
    await turn();
    expect(received).toBe('held');
    socket.destroy();
  });
});

describe('ByteSink.end', () => {
  it('closes once everything written has left', async () => {
    const { near, far, stop } = await pair();
    const peer = new Recorder(near);
    const batch = Buffer.alloc(4 << 20);
    expect(peer.sink.write(batch)).toBe(false);
    peer.sink.end(false);
    peer.sink.end(false);
    expect(near.destroyed).toBe(false);
    let received = 0;
    far.on('data', (chunk) => (received += chunk.length));
    await peer.closed;
    await closed(far);
    expect(received).toBe(batch.length);
    expect(peer.cause).toBeUndefined();
    await stop();
  });

  it('does not wait for a peer that keeps its side open', async () => {
    const socket = new Manual({ allowHalfOpen: true });
    const peer = new Recorder(socket);
    peer.sink.end(false);
    await peer.closed;
    peer.sink.end(false);
    expect(peer.events).toEqual(['closed']);
  });
});

describe('ByteSink.end that lingers', () => {
  it('lets a peer that is writing read to the end', async () => {
    const { near, far, stop } = await pair();
    const peer = new Recorder(near);
    far.on('error', (error) => received.push(String(error)));
    const received: string[] = [];
    far.write('early');
    peer.sink.write(Buffer.from('answer'));
    peer.sink.pause();
    peer.sink.end(true);
    // More than the system keeps for it: somebody has to read it.
    far.write(Buffer.alloc(4 << 20));
    for (let turns = 0; turns < 5; turns++) await turn();
    far.on('data', (chunk: Buffer) => received.push(chunk.toString()));
    await closed(far);
    expect(received).toEqual(['answer']);
    await peer.closed;
    expect(peer.cause).toBeUndefined();
    await stop();
  });

  describe('on a clock that stands still', () => {
    beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] }));
    afterEach(() => void vi.useRealTimers());

    it('waits no longer than 1 s for the peer', async () => {
      const socket = new Manual({ allowHalfOpen: true });
      const peer = new Recorder(socket);
      peer.sink.end(true);
      for (let turns = 0; turns < 5; turns++) await turn();
      vi.advanceTimersByTime(999);
      expect(socket.destroyed).toBe(false);
      vi.advanceTimersByTime(1);
      await peer.closed;
      expect(vi.getTimerCount()).toBe(0);
    });

    it('leaves no timer behind a peer that ends its side', async () => {
      const { near, far, stop } = await pair();
      const peer = new Recorder(near);
      far.resume();
      peer.sink.end(true);
      await peer.closed;
      expect(vi.getTimerCount()).toBe(0);
      await stop();
    });

    it('is over at once when the Duplex is destroyed meanwhile', async () => {
      const socket = new Manual({ allowHalfOpen: true });
      const peer = new Recorder(socket);
      peer.sink.end(true);
      peer.sink.destroy();
      await peer.closed;
      expect(vi.getTimerCount()).toBe(0);
    });
  });
});

describe('ByteSink.end of a Duplex that gets stuck', () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] }));
  afterEach(() => void vi.useRealTimers());

  it('closes all the same after 5 s', async () => {
    const socket = new Manual({ final() {} });
    const peer = new Recorder(socket);
    peer.sink.end(false);
    vi.advanceTimersByTime(4999);
    expect(socket.destroyed).toBe(false);
    vi.advanceTimersByTime(1);
    await peer.closed;
    expect(vi.getTimerCount()).toBe(0);
  });

  it('leaves no timer behind one that ends by itself', async () => {
    const peer = new Recorder(new Manual());
    peer.sink.end(false);
    await peer.closed;
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe('ByteSink.destroy', () => {
  it('closes at once, and its cause comes back', async () => {
    const { near, stop } = await pair();
    const peer = new Recorder(near);
    const cause = new Error('stalled');
    expect(peer.sink.write(Buffer.alloc(4 << 20))).toBe(false);
    peer.sink.destroy(cause);
    peer.sink.destroy(new Error('another'));
    await peer.closed;
    expect(peer.cause).toBe(cause);
    expect(peer.events).toEqual(['closed']);
    await stop();
  });

  it('keeps its first cause against an error that follows', async () => {
    const socket = new Manual({
      destroy(_, callback) {
        callback(new Error('second'));
      },
    });
    const peer = new Recorder(socket);
    const cause = new Error('first');
    peer.sink.destroy(cause);
    await peer.closed;
    expect(peer.cause).toBe(cause);
  });

  it('flushes each connection of a turn once, those behind one that throws included', async () => {
    const sockets = [new Manual(), new Manual(), new Manual()];
    const peers = sockets.map((socket) => new Recorder(socket));
    const [first] = peers as [Recorder];
    first.onFlush = () => {
      throw new Error('a flush that fails');
    };
    const thrown = nextUncaught();
    for (const peer of peers) peer.sink.scheduleFlush();
    expect(await thrown).toEqual(new Error('a flush that fails'));
    await turn();
    expect(peers.map(({ events }) => events)).toEqual([['flush'], ['flush'], ['flush']]);
    for (const socket of sockets) socket.destroy();
  });
});

/** The next error that nobody catches, kept from the test runner. */
function nextUncaught(): Promise<unknown> {
  const listeners = process.listeners('uncaughtException');
  process.removeAllListeners('uncaughtException');
  return new Promise((resolve) => {
    process.once('uncaughtException', (error) => {
      for (const listener of listeners) process.on('uncaughtException', listener);
      resolve(error);
    });
  });
}
