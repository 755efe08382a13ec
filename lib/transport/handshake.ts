import type { Duplex } from 'node:stream';
import { HandshakeError } from '../errors.js';
import { guard } from './guard.js';

/**
 * Sees a fresh connection before its first frame.
 *
 * It may read and write raw bytes, and refuses the connection by throwing. What it returns is
 * attached to the connection: who the peer is, for example. A promise is waited for.
 *
 * Nothing has been read from the socket. Take exactly the bytes that are yours: put the rest back by `unshift`, and
 * `pause()` before you remove a `data` listener, since a stream that flows without one loses bytes.
 *
 * @param socket - the connection's bytes
 * @param info - `signal` aborts when the handshake takes too long or the connection is lost
 */
export type Handshake = (socket: Duplex, info: { readonly signal: AbortSignal }) => unknown;

/** Events whose listeners would take the protocol's bytes away. */
const READING = ['data', 'readable'] as const;

/**
 * Lets a handshake see a connection.
 *
 * Afterwards the socket is paused, what the handshake did not take is still in it, and nobody
 * listens for its bytes. If the handshake fails, the socket is destroyed.
 *
 * @param timeoutMs - for the whole handshake, in ms; `Infinity`: no limit
 * @returns what the handshake returned; `undefined`, not a promise, when there is no handshake, so
 * that such a connection does not wait a tick
 * @throws HandshakeError (as a rejection) when it refuses or takes too long, or the connection is lost
 */
export function runHandshake(
  socket: Duplex,
  handshake: Handshake | undefined,
  timeoutMs: number,
): Promise<unknown> | undefined {
  return handshake === undefined ? undefined : supervise(socket, handshake, timeoutMs);
}

async function supervise(
  socket: Duplex,
  handshake: Handshake,
  timeoutMs: number,
): Promise<unknown> {
  const watch = watchSocket(socket, timeoutMs);
  const before = READING.map((event) => socket.listeners(event));
  try {
    const result = await Promise.race([start(socket, handshake, watch.signal), watch.failed]);
    takeBack(socket, before);
    return result;
  } catch (error) {
    const failure = toHandshakeError(error);
    watch.abort(failure);
    // Whatever still happens to it must not end the process.
    socket.on('error', ignore);
    socket.destroy();
    throw failure;
  } finally {
    watch.stop();
  }
}

/** What can end a handshake from outside. */
interface Watch {
  readonly signal: AbortSignal;
  /** Never resolves. */
  readonly failed: Promise<never>;
  abort(reason: HandshakeError): void;
  stop(): void;
}

function watchSocket(socket: Duplex, timeoutMs: number): Watch {
  const controller = new AbortController();
  let fail: (error: HandshakeError) => void = ignore;
  const failed = new Promise<never>((_, reject) => (fail = reject));
  const abort = (reason: HandshakeError): void => {
    controller.abort(reason);
    fail(reason);
  };
  const onLost = (error?: unknown): void => {
    const cause = error instanceof Error ? error : socket.errored;
    abort(new HandshakeError('the connection was lost during the handshake', causedBy(cause)));
  };
  const stopGuard = guard({ timeoutMs }, () =>
    abort(new HandshakeError(`the handshake took longer than ${timeoutMs} ms`)),
  );
  socket.on('error', onLost);
  socket.on('close', onLost);
  if (socket.destroyed) onLost();
  return {
    signal: controller.signal,
    failed,
    abort,
    stop() {
      stopGuard();
      socket.off('error', onLost);
      socket.off('close', onLost);
    },
  };
}

/** A handshake that throws at once is one that rejects. */
async function start(socket: Duplex, handshake: Handshake, signal: AbortSignal): Promise<unknown> {
  return handshake(socket, { signal });
}

/** Stops the flow first: from here on every byte is the protocol's. */
function takeBack(socket: Duplex, before: readonly (readonly unknown[])[]): void {
  socket.pause();
  READING.forEach((event, index) => {
    for (const listener of socket.listeners(event)) {
      if (before[index]?.includes(listener) === true) continue;
      socket.off(event, listener as () => void);
    }
  });
}

function toHandshakeError(error: unknown): HandshakeError {
  if (error instanceof HandshakeError) return error;
  const why = error instanceof Error ? error.message : String(error);
  return new HandshakeError(`the handshake refused the connection: ${why}`, { cause: error });
}

function causedBy(cause: Error | null): ErrorOptions | undefined {
  return cause === null ? undefined : { cause };
}

function ignore(): void {}
