import type { Duplex } from 'node:stream';
import type { BytePeer, ByteSink } from '../protocol/byte-pipe.js';
import { byteStreamFault, consumesWrites, toBuffer } from './byte-stream.js';

/**
 * Joins a connected byte stream to a protocol peer: all the I/O there is, and nothing else.
 *
 * Any byte-mode Duplex that emits `close` will do (Node's default): a socket, a TLS socket, a lane
 * of somebody's multiplexer. From here on the peer owns it. One that is already destroyed, or ended
 * in either direction, is accepted and reported by {@link BytePeer.onClosed} like any other end.
 *
 * The errors handed to `onClosed` are those of the system or of the Duplex, unchanged.
 *
 * @param socket - bytes that arrived earlier must still be in it (paused, or not yet read)
 * @param createPeer - called once, at once; its sink may already be used inside
 * @throws TypeError when the Duplex carries objects or decoded text instead of bytes; it is then
 * destroyed
 */
export function attach(socket: Duplex, createPeer: (sink: ByteSink) => BytePeer): void {
  const fault = byteStreamFault(socket);
  if (fault !== undefined) {
    socket.destroy();
    throw new TypeError(`the Duplex must carry bytes, got one ${fault}`);
  }
  const sink = new SocketSink(socket);
  sink.start(createPeer(sink));
}

/** How long a Duplex may take to end once it has all bytes, in ms; a socket does it at once. */
const END_TIMEOUT_MS = 5000;

/** How long a peer may take to read the last bytes and end its side, in ms; ttrpc's do it at once. */
const LINGER_MS = 1000;

/** A Duplex, seen from the protocol. */
class SocketSink implements ByteSink {
  readonly #socket: Duplex;
  /** Whether a batch's memory is free once its write has ended. */
  readonly #consumes: boolean;
  #peer: BytePeer | undefined;
  #cause: Error | undefined;
  /** `write` returned false, so that the peer waits for `onDrain`. */
  #blocked = false;
  #paused = false;
  #flushScheduled = false;
  /** Batches of which Node has not said that they are written, oldest first. */
  readonly #unwritten: Buffer[] = [];
  /** How many batches that were given back Node is still to speak of. */
  #givenBack = 0;
  #endTimer: NodeJS.Timeout | undefined;

  constructor(socket: Duplex) {
    this.#socket = socket;
    this.#consumes = consumesWrites(socket);
    this.#cause = socket.errored ?? undefined;
  }

  /** Listens to the socket on behalf of `peer`, until the one `onClosed`. */
  start(peer: BytePeer): void {
    this.#peer = peer;
    const socket = this.#socket;
    socket.on('data', this.#onData);
    socket.on('end', destroy);
    socket.on('error', this.#onError);
    socket.on('close', this.#onClose);
    // Its `close` may be over: a second call of #onClose, if it is not, does nothing.
    if (socket.closed) process.nextTick(this.#onClose);
    // Ended in one direction before it came here: no event would tell.
    else if (!socket.readable || !socket.writable) socket.destroy();
    if (!this.#paused) socket.resume();
  }

  write(batch: Buffer): boolean {
    const socket = this.#socket;
    if (!socket.writable) return false;
    // A Duplex in memory passes on the very bytes, which are written over once they are given back.
    const bytes = this.#consumes ? batch : Buffer.from(batch);
    try {
      this.#unwritten.push(batch);
      socket.write(bytes, this.#onWritten);
    } catch (error) {
      // A Duplex whose own `_write` throws instead of reporting.
      this.destroy(toError(error));
      return false;
    }
    this.#blocked = socket.writableLength !== 0;
    if (!this.#blocked && this.#consumes) this.#giveBack();
    return !this.#blocked;
  }

  scheduleFlush(): void {
    if (this.#flushScheduled) return;
    this.#flushScheduled = true;
    if (toFlush.push(this) === 1) queueMicrotask(deferFlush);
  }

  pause(): void {
    this.#paused = true;
    this.#socket.pause();
  }

  resume(): void {
    this.#paused = false;
    this.#socket.resume();
  }

  end(lingers: boolean): void {
    const socket = this.#socket;
    if (socket.destroyed || socket.writableEnded) return;
    this.#destroyIn(END_TIMEOUT_MS);
    socket.end(() => (lingers ? this.#linger() : socket.destroy()));
  }

  /** All is written: the peer's end, which {@link destroy} hears, says that it has read it. */
  #linger(): void {
    if (this.#socket.destroyed) return;
    this.#destroyIn(LINGER_MS);
    this.#socket.resume();
  }

  #destroyIn(milliseconds: number): void {
    clearTimeout(this.#endTimer);
    this.#endTimer = setTimeout(() => this.#socket.destroy(), milliseconds);
  }

  destroy(cause?: Error): void {
    if (this.#socket.destroyed) return;
    this.#cause ??= cause;
    this.#socket.destroy(cause);
  }

  flush(): void {
    this.#flushScheduled = false;
    this.#peer?.flush();
  }

  readonly #onData = (chunk: unknown): void => {
    // Node goes on emitting what it has buffered after a destroy.
    if (this.#socket.destroyed) return;
    try {
      this.#peer?.receive(toBuffer(chunk));
    } catch (error) {
      this.destroy(toError(error));
    }
  };

  // The system has taken every byte within `write`: their memory is free before Node says so, for
  // the next batch of this very turn.
  #giveBack(): void {
    if (this.#socket.destroyed) return;
    for (const batch of this.#unwritten) this.#peer?.onWritten(batch);
    this.#givenBack += this.#unwritten.length;
    this.#unwritten.length = 0;
  }

  // A batch that failed is not given back: something may still read its memory. Nor is one that a
  // destroy has cut off, which a net.Socket reports like one that has left.
  readonly #onWritten = (error: Error | null | undefined): void => {
    if (this.#givenBack > 0) {
      this.#givenBack--;
      return;
    }
    const batch = this.#unwritten.shift();
    if (error || this.#socket.destroyed || batch === undefined) return;
    this.#peer?.onWritten(batch);
    if (!this.#blocked || this.#socket.writableLength !== 0) return;
    this.#blocked = false;
    this.#peer?.onDrain();
  };

  // A Duplex without autoDestroy does not go on to `close` by itself.
  readonly #onError = (error: Error): void => {
    this.#cause ??= error;
    this.#socket.destroy();
  };

  readonly #onClose = (): void => {
    const peer = this.#peer;
    this.#peer = undefined;
    clearTimeout(this.#endTimer);
    peer?.onClosed(this.#cause);
  };
}

/** What is to be flushed at the end of this turn of the event loop. */
let toFlush: SocketSink[] = [];

// A microtask first and a tick after it: every promise chain of this turn has then run, and what
// it wrote is in the batch. A tick each: should one throw, the others are flushed all the same.
function deferFlush(): void {
  const sinks = toFlush;
  toFlush = [];
  for (const sink of sinks) process.nextTick(flush, sink);
}

function flush(sink: SocketSink): void {
  sink.flush();
}

function toError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown), { cause: thrown });
}

/** Half-open connections are of no use to ttrpc: the reference implementations drop them too. */
function destroy(this: Duplex): void {
  this.destroy();
}
