import { once } from 'node:events';
import { Duplex } from 'node:stream';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { HandshakeError } from '../../lib/errors.js';
import { runHandshake, type Handshake } from '../../lib/transport/handshake.js';
import { closed, listenerCounts, readBytes, rejection, socketPair } from './sockets.js';
import { tempFolder } from './temp-folder.js';

const at = tempFolder();
let count = 0;
const pair = (): ReturnType<typeof socketPair> => socketPair(at(`s${++count}`));

afterEach(() => void vi.restoreAllMocks());

/** Runs a handshake that is expected to be there. */
function run(socket: Duplex, handshake: Handshake, timeoutMs = 5000): Promise<unknown> {
  return runHandshake(socket, handshake, timeoutMs) as Promise<unknown>;
}

describe('runHandshake', () => {
  it('is nothing, not even a promise, without a handshake', async () => {
    const { near, stop } = await pair();
    expect(runHandshake(near, undefined, 1)).toBeUndefined();
    await stop();
  });

  it.each<[string, (value: number) => unknown]>([
    ['returned', (value) => value],
    ['resolved', (value) => Promise.resolve(value)],
  ])('gives back what the handshake has %s', async (_, give) => {
    const { near, stop } = await pair();
    expect(await run(near, () => give(7))).toBe(7);
    await stop();
  });

  it('lets the handshake talk, and leaves what it put back and what it did not read', async () => {
    const { near, far, stop } = await pair();
    const result = run(near, async (socket) => {
      socket.write('who?');
      const name = await readBytes(socket, 3);
      socket.unshift(Buffer.from(name.slice(3)));
      return name.slice(0, 3);
    });
    expect(await readBytes(far, 4)).toBe('who?');
    far.write('me!frames');
    expect(await result).toBe('me!');
    expect(near.isPaused()).toBe(true);
    far.write('more');
    expect(await readBytes(near, 10)).toBe('framesmore');
    await stop();
  });

  it('loses nothing when the handshake leaves the socket flowing', async () => {
    const { near, far, stop } = await pair();
    const seen = run(near, async (socket) => {
      const [chunk] = (await once(socket, 'data')) as [Buffer];
      return chunk.toString();
    });
    far.write('token');
    expect(await seen).toBe('token');
    expect(near.isPaused()).toBe(true);
    far.write('frames');
    await new Promise<void>((resolve) => void far.end(resolve));
    await new Promise((resolve) => setImmediate(resolve));
    expect(await readBytes(near, 6)).toBe('frames');
    await stop();
  });

  it('removes the listeners that the handshake has forgotten, and only those', async () => {
    const { near, stop } = await pair();
    const earlier = (): void => {};
    near.on('data', earlier);
    const before = listenerCounts(near);
    await run(near, (socket) => {
      socket.on('data', () => {});
      socket.on('readable', () => {});
    });
    expect(listenerCounts(near)).toEqual(before);
    expect(near.listeners('data')).toEqual([earlier]);
    await stop();
  });

  it('leaves no timer', async () => {
    const { near, stop } = await pair();
    const set = vi.spyOn(globalThis, 'setTimeout');
    const clear = vi.spyOn(globalThis, 'clearTimeout');
    await run(near, () => {}, 54_321);
    const index = set.mock.calls.findIndex(([, ms]) => ms === 54_321);
    expect(clear.mock.calls.map(([timer]) => timer)).toContain(set.mock.results[index]?.value);
    await stop();
  });

  it.each<[string, Handshake]>([
    [
      'throws',
      () => {
        throw new Error('not you');
      },
    ],
    ['rejects', () => Promise.reject(new Error('not you'))],
  ])('refuses with the cause and destroys the socket when it %s', async (_, handshake) => {
    const { near, far, stop } = await pair();
    let signal: AbortSignal | undefined;
    const error = await rejection(
      run(near, (socket, info) => {
        signal = info.signal;
        return handshake(socket, info);
      }),
    );
    expect(signal?.reason).toBe(error);
    expect(error).toMatchObject({
      kind: 'ttrpc.handshake',
      message: 'the handshake refused the connection: not you',
      cause: new Error('not you'),
    });
    expect(near.destroyed).toBe(true);
    far.resume();
    await closed(far);
    await stop();
  });

  it("passes the handshake's own HandshakeError on as it is", async () => {
    const { near, stop } = await pair();
    const own = new HandshakeError('wrong version');
    expect(await rejection(run(near, () => Promise.reject(own)))).toBe(own);
    await stop();
  });

  it('refuses with what was thrown even if that is no error', async () => {
    const { near, stop } = await pair();
    const error = await rejection(run(near, () => Promise.reject('no')));
    expect(error).toMatchObject({
      message: 'the handshake refused the connection: no',
      cause: 'no',
    });
    await stop();
  });

  it('ends one that takes too long: signal, socket and all', async () => {
    const { near, stop } = await pair();
    let signal: AbortSignal | undefined;
    const error = await rejection(
      run(near, (_, info) => new Promise(() => (signal = info.signal)), 20),
    );
    expect(error).toMatchObject({
      kind: 'ttrpc.handshake',
      message: 'the handshake took longer than 20 ms',
    });
    expect(signal?.reason).toBe(error);
    expect(near.destroyed).toBe(true);
    await stop();
  });

  it('swallows a refusal that comes after the timeout', async () => {
    const { near, stop } = await pair();
    const error = await rejection(
      run(
        near,
        (_, { signal }) =>
          new Promise((_resolve, reject) => {
            signal.addEventListener('abort', () => setImmediate(reject, new Error('late')));
          }),
        20,
      ),
    );
    expect(error.message).toContain('took longer');
    await new Promise((resolve) => setTimeout(resolve));
    await stop();
  });

  it('ends when the connection is lost, with its error as the cause', async () => {
    const { near, stop } = await pair();
    const result = rejection(run(near, () => new Promise(() => {})));
    near.destroy(new Error('reset'));
    expect(await result).toMatchObject({
      message: 'the connection was lost during the handshake',
      cause: new Error('reset'),
    });
    await stop();
  });

  it('ends when the peer has gone without an error', async () => {
    const { near, stop } = await pair();
    const result = rejection(run(near, () => new Promise(() => {})));
    near.destroy();
    const error = await result;
    expect(error.message).toBe('the connection was lost during the handshake');
    expect('cause' in error).toBe(false);
    await stop();
  });

  it('ends at once on a socket that is closed already', async () => {
    const { near, stop } = await pair();
    near.destroy(new Error('before'));
    await closed(near);
    const error = await rejection(run(near, () => new Promise(() => {})));
    expect(error).toMatchObject({ kind: 'ttrpc.handshake', cause: new Error('before') });
    await stop();
  });

  it('owns the errors of a socket that it has refused', async () => {
    const socket = new Duplex({
      read() {},
      destroy(_, callback) {
        setImmediate(callback, new Error('late'));
      },
    });
    await rejection(run(socket, () => Promise.reject(new Error('no'))));
    await closed(socket);
    expect(socket.errored).toEqual(new Error('late'));
  });
});
