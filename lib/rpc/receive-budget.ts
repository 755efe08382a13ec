import { BufferFullError } from '../errors.js';
import type { Connection } from '../protocol/connection.js';

/** A call with messages that nobody has taken yet. */
export interface Holder {
  /** @internal Bytes kept; the budget's. */
  held: number;
  /** @internal Where the budget has it; the budget's. */
  slot: number;
  /** Its bytes were kept too long: the call is to end with this error. */
  onStalled(error: BufferFullError): void;
}

/**
 * Counts the messages of a connection's streams that nobody has taken. Above the bound the
 * connection stops reading, for a bounded time; then the calls that leave most lose theirs.
 */
export class ReceiveBudget {
  readonly #connection: Connection;
  /** Calls that keep anything, in no order. */
  readonly #holders: Holder[] = [];
  #held = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** The one budget of a connection. */
  static of(connection: Connection): ReceiveBudget {
    let budget = budgets.get(connection);
    if (budget === undefined) {
      budget = new ReceiveBudget(connection);
      budgets.set(connection, budget);
    }
    return budget;
  }

  /** Bytes kept by all calls. */
  get held(): number {
    return this.#held;
  }

  /** `holder` keeps `bytes` more. */
  hold(holder: Holder, bytes: number): void {
    if (bytes === 0) return;
    if (holder.held === 0) {
      holder.slot = this.#holders.length;
      this.#holders.push(holder);
    }
    holder.held += bytes;
    this.#held += bytes;
    if (this.#timer === undefined && this.#held > this.#limit) this.#pause();
  }

  /** `holder` keeps `bytes` less, or nothing if it has no more than that. */
  release(holder: Holder, bytes: number): void {
    const freed = Math.min(bytes, holder.held);
    if (freed === 0) return;
    holder.held -= freed;
    this.#held -= freed;
    if (holder.held === 0) this.#remove(holder);
    if (this.#timer !== undefined && this.#held <= this.#limit) this.#resume();
  }

  /** `holder` keeps nothing any more. */
  drop(holder: Holder): void {
    this.release(holder, holder.held);
  }

  get #limit(): number {
    return this.#connection.options.maxReceiveBufferBytes;
  }

  #remove({ slot }: Holder): void {
    const last = this.#holders.pop() as Holder;
    if (last.slot === slot) return;
    last.slot = slot;
    this.#holders[slot] = last;
  }

  #pause(): void {
    this.#connection.pauseReading();
    this.#timer = setTimeout(() => this.#endLargest(), this.#connection.options.stallTimeoutMs);
  }

  #resume(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#connection.resumeReading();
  }

  /** The timer stays set meanwhile, since reading pauses until the last one has gone. */
  #endLargest(): void {
    const { stallTimeoutMs } = this.#connection.options;
    while (this.#held > this.#limit) {
      const largest = this.#holders.reduce((one, other) => (other.held > one.held ? other : one));
      const error = new BufferFullError(
        `calls of this connection left ${this.#held} bytes untaken for ${stallTimeoutMs} ms, ` +
          `this one most of them with ${largest.held}; allowed are ${this.#limit} ` +
          '(maxReceiveBufferBytes, stallTimeoutMs)',
      );
      this.drop(largest);
      largest.onStalled(error);
    }
  }
}

const budgets = new WeakMap<Connection, ReceiveBudget>();
