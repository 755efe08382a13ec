import type { Connection } from '../protocol/connection.js';

/**
 * Counts what the running calls of a server's connection keep until they are answered: requests and
 * metadata. Above the bound the connection stops reading, for a bounded time in which calls may be
 * answered; then new calls are refused until that is so. Those that run go on: their memory is their
 * handlers', and ending them would not give it back.
 */
export class RequestBudget {
  readonly #connection: Connection;
  #kept = 0;
  #full = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** Whether new calls are to be refused. */
  get full(): boolean {
    return this.#full;
  }

  /** A call keeps `bytes` more. */
  keep(bytes: number): void {
    this.#kept += bytes;
    if (this.#kept <= this.#limit || this.#full || this.#timer !== undefined) return;
    this.#connection.pauseReading();
    this.#timer = setTimeout(() => {
      this.#full = true;
      this.#resume();
    }, this.#connection.options.stallTimeoutMs);
  }

  /** A call that kept `bytes` has ended. */
  release(bytes: number): void {
    this.#kept -= bytes;
    if (this.#kept > this.#limit) return;
    this.#full = false;
    if (this.#timer !== undefined) this.#resume();
  }

  get #limit(): number {
    return this.#connection.options.maxReceiveBufferBytes;
  }

  #resume(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#connection.resumeReading();
  }
}
