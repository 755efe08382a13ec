import { once } from 'node:events';
import type { Duplex } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { attach } from '../../lib/transport/attach.js';
import { Manual, Recorder, memoryPair, turn } from './recorder.js';
import { closed, readBytes, socketPair } from './sockets.js';
import { tempFolder } from './temp-folder.js';

const at = tempFolder();
let count = 0;
const pair = (): ReturnType<typeof socketPair> => socketPair(at(`s${++count}`));

describe('attach', () => {
  it('carries bytes in both directions over a socket', async () => {
    const { near, far, stop } = await pair();
    const peer = new Recorder(near);
    expect(peer.sink.write(Buffer.from('ping'))).toBe(true);
    expect(await readBytes(far, 4)).toBe('ping');
    far.write('pong');
    await new Promise<void>((resolve) => (peer.onReceive = () => resolve()));
    expect(peer.events).toEqual(['written 4', 'receive pong']);
    await stop();
  });

  it('reads a socket that comes paused, with bytes in it', async () => {
    const { near, far, stop } = await pair();
    near.pause();
    near.unshift('early');
    far.write('late');
    const peer = new Recorder(near);
    await new Promise<void>((resolve) => {
      peer.onReceive = (chunk) => chunk.toString().endsWith('late') && resolve();
    });
    expect(peer.events.map((event) => event.replace('receive ', '')).join('')).toBe('earlylate');
    await stop();
  });

  it("carries a Duplex pair's bytes", async () => {
    const [near, far] = memoryPair();
    const peer = new Recorder(near);
    far.write('x');
    await turn();
    peer.sink.write(Buffer.from('y'));
    await turn();
    expect(far.read()?.toString()).toBe('y');
    expect(peer.events).toContain('receive x');
    far.destroy();
    near.destroy();
    await peer.closed;
  });

  it.each([
    [{ objectMode: true }, 'object mode'],
    [{ readableObjectMode: true }, 'object mode'],
    [{ writableObjectMode: true }, 'object mode'],
    [{ encoding: 'utf8' as const }, 'setEncoding "utf8"'],
  ])('refuses a Duplex made with %j', (options, problem) => {
    const socket = new Manual(options);
    const join = (): void => attach(socket, () => expect.unreachable());
    expect(join).toThrow(TypeError);
    expect(join).toThrow(problem);
    expect(socket.eventNames()).toEqual([]);
    expect(socket.destroyed).toBe(true);
  });

  it.each<[string, unknown]>([
    ['a Uint8Array', new Uint8Array([0, 104, 105]).subarray(1)],
    ['a string', 'hi'],
  ])('turns a chunk that is %s into a Buffer', (_, chunk) => {
    const socket = new Manual();
    const peer = new Recorder(socket);
    socket.emit('data', chunk);
    expect(peer.events).toEqual(['receive hi']);
    socket.destroy();
  });

  it('ends a Duplex that emits anything else', async () => {
    const socket = new Manual();
    const peer = new Recorder(socket);
    socket.emit('data', 7);
    await peer.closed;
    expect(peer.cause).toEqual(
      new TypeError('the Duplex must carry bytes, got a chunk of type number'),
    );
  });

  it('destroys the socket with what receive throws, and delivers no more', async () => {
    const socket = new Manual();
    const peer = new Recorder(socket);
    const violation = new Error('broke the rules');
    peer.onReceive = () => {
      throw violation;
    };
    socket.push('a');
    socket.push('b');
    await peer.closed;
    expect(peer.cause).toBe(violation);
    expect(peer.events).toEqual(['receive a', 'closed']);
    expect(socket.errored).toBe(violation);
  });

  it('destroys a Duplex whose write throws, with what it threw', async () => {
    const socket = new Manual();
    socket._write = () => {
      throw new Error('faulty');
    };
    const peer = new Recorder(socket);
    expect(peer.sink.write(Buffer.from('x'))).toBe(false);
    await peer.closed;
    expect(peer.events).toEqual(['closed']);
    expect(peer.cause).toMatchObject({ message: 'faulty' });
  });

  it('makes an error of whatever else receive throws', async () => {
    const socket = new Manual();
    const peer = new Recorder(socket);
    peer.onReceive = () => {
      // oxlint-disable-next-line typescript/only-throw-error -- user code below may do so
      throw 'odd';
    };
    socket.push('a');
    await peer.closed;
    expect(peer.cause).toMatchObject({ message: 'odd', cause: 'odd' });
  });

  it("ends the connection at the peer's end, without a cause", async () => {
    const { near, far, stop } = await pair();
    const peer = new Recorder(near);
    far.end('bye');
    await peer.closed;
    expect(peer.events).toEqual(['receive bye', 'closed']);
    expect(peer.cause).toBeUndefined();
    expect(near.destroyed).toBe(true);
    await stop();
  });

  it('does not stay half open on a Duplex that would', async () => {
    const socket = new Manual({ allowHalfOpen: true });
    const peer = new Recorder(socket);
    socket.push(null);
    await peer.closed;
    expect(socket.destroyed).toBe(true);
  });

  it("keeps the system's error as it is", async () => {
    const { near, stop } = await pair();
    const peer = new Recorder(near);
    const reset = Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' });
    near.destroy(reset);
    await peer.closed;
    expect(peer.cause).toBe(reset);
    expect(peer.events).toEqual(['closed']);
    await stop();
  });

  it('closes a Duplex that reports errors without destroying itself', async () => {
    const socket = new Manual({ autoDestroy: false });
    const peer = new Recorder(socket);
    socket.emit('error', new Error('first'));
    socket.emit('error', new Error('second'));
    await peer.closed;
    expect(peer.cause).toEqual(new Error('first'));
  });

  it.each<[string, (socket: Duplex) => unknown, Error | undefined]>([
    ['destroyed, and closed', (socket) => closed(socket.destroy()), undefined],
    ['destroyed just now', (socket) => socket.destroy(), undefined],
    [
      'broken, and closed',
      async (socket) => {
        socket.on('error', () => {});
        await closed(socket.destroy(new Error('broken')));
      },
      new Error('broken'),
    ],
    ['broken just now', (socket) => socket.destroy(new Error('broken')), new Error('broken')],
    [
      'ended by the peer and read to the end',
      async (socket) => {
        socket.push(null);
        socket.resume();
        await once(socket, 'end');
      },
      undefined,
    ],
    ['ended by this side', (socket) => socket.end(), undefined],
  ])('reports a Duplex that was %s before it came, once', async (_, prepare, cause) => {
    const socket = new Manual({ allowHalfOpen: true });
    await prepare(socket);
    const peer = new Recorder(socket);
    expect(peer.events).toEqual([]);
    expect(peer.sink.write(Buffer.from('x'))).toBe(false);
    await peer.closed;
    await turn();
    expect(peer.events).toEqual(['closed']);
    expect(peer.cause).toEqual(cause);
    expect(socket.destroyed).toBe(true);
  });

  it('reports a Duplex that was destroyed in the same breath, once', async () => {
    const socket = new Manual();
    const done = closed(socket.destroy());
    await Promise.resolve();
    const peer = new Recorder(socket);
    await Promise.all([done, peer.closed]);
    await turn();
    expect(peer.events).toEqual(['closed']);
  });

  it('calls nothing on the peer once it is closed', async () => {
    const socket = new Manual();
    const peer = new Recorder(socket);
    expect(peer.sink.write(Buffer.from('x'))).toBe(false);
    peer.sink.scheduleFlush();
    socket.destroy();
    await peer.closed;
    socket.pending[0]?.();
    socket.emit('data', Buffer.from('late'));
    socket.emit('close');
    peer.sink.scheduleFlush();
    await turn();
    expect(peer.events.slice(peer.events.indexOf('closed'))).toEqual(['closed']);
  });

  it('leaves the Duplex alone when the peer cannot be made', () => {
    const socket = new Manual();
    const join = (): void =>
      attach(socket, () => {
        throw new Error('no');
      });
    expect(join).toThrow('no');
    expect(socket.eventNames()).toEqual([]);
    expect(socket.destroyed).toBe(false);
  });
});
