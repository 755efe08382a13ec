import { BufferFullError, type TtrpcError } from '../errors.js';
import type { ClientConnection } from '../protocol/client-connection.js';
import type { LimitCounters } from '../protocol/limit-counters.js';
import { asSendError, type QueuedCall } from './client-call.js';

/**
 * Calls that wait for a connection, or for one that takes bytes again, in the order they were made.
 * A call that ends while it waits leaves the queue, so that nothing of it is ever written.
 */
export class CallQueue {
  readonly #calls = new Map<QueuedCall, number>();
  readonly #maxBytes: number;
  readonly #counters: LimitCounters;
  readonly #onEmpty: () => void;
  #bytes = 0;

  /**
   * @param maxBytes - what the encoded requests that wait may take together
   * @param counters - counts the calls that find the queue full
   * @param onEmpty - the last call that waited waits no more
   */
  constructor(maxBytes: number, counters: LimitCounters, onEmpty: () => void = () => undefined) {
    this.#maxBytes = maxBytes;
    this.#counters = counters;
    this.#onEmpty = onEmpty;
  }

  get size(): number {
    return this.#calls.size;
  }

  /** Adds a call, or ends it when its request can't be encoded or the queue is full. */
  add(call: QueuedCall): void {
    let bytes: number;
    try {
      bytes = call.freeze() + CALL_OVERHEAD;
    } catch (error) {
      return call.fail(asSendError(error));
    }
    // The only one is as long as it is: on a connection that takes bytes it would be sent, too.
    if (this.size > 0 && this.#bytes + bytes > this.#maxBytes) {
      this.#counters.unsentStreams++;
      return call.fail(
        new BufferFullError(
          `calls that wait to be sent would take ${this.#bytes + bytes} bytes; ` +
            `allowed are ${this.#maxBytes} (maxSendBufferBytes)`,
        ),
      );
    }
    this.#bytes += bytes;
    this.#calls.set(call, bytes);
    call.onLeave = () => this.#remove(call);
  }

  /** Starts calls on `connection` until it takes no more. */
  startOn(connection: ClientConnection): void {
    // Looked at first: behind many that have left, a map takes long to find its first.
    if (!takesCalls(connection)) return;
    for (const call of this.#calls.keys()) {
      this.#remove(call);
      call.start(connection);
      if (!takesCalls(connection)) return;
    }
  }

  /** Ends every call, or those that are meant, with an error of its own. */
  failAll(makeError: () => TtrpcError, isMeant: (call: QueuedCall) => boolean = () => true): void {
    // Those that are there now: whoever hears of its end may make another call at once.
    const waiting = [...this.#calls.keys()];
    for (const call of waiting) {
      if (!this.#calls.has(call) || !isMeant(call)) continue;
      this.#remove(call);
      call.fail(makeError());
    }
  }

  #remove(call: QueuedCall): void {
    this.#bytes -= this.#calls.get(call) ?? 0;
    this.#calls.delete(call);
    call.onLeave = undefined;
    if (this.size === 0) this.#onEmpty();
  }
}

function takesCalls({ congested, exhausted, closed }: ClientConnection): boolean {
  return !congested && !exhausted && !closed;
}

/** What a waiting call costs besides its request's bytes. */
const CALL_OVERHEAD = 256;
