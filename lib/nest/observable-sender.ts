import type { Observable, Subscription } from 'rxjs';
import { BufferFullError } from '../errors.js';
import { Fifo } from '../rpc/fifo.js';

/** Where an Observable's messages go: the sending half of a call, of either role. */
export interface MessageTarget {
  /** Sends a message; false when {@link whenDrained} should be waited for. */
  send(message: unknown): boolean;
  /** Calls `drained` once there is room again, or the call is over. */
  whenDrained(drained: () => void): void;
  end(): void;
  fail(error: unknown): void;
}

/**
 * Messages that may wait for a slow peer; an Observable can't be told to stop. They are counted, not
 * measured: encoded they would take memory of their own each, where an Observable may well emit
 * gigabytes at once that share theirs.
 */
export const MAX_WAITING = 65_536;

/**
 * Sends what an Observable emits, in order, as fast as the peer takes it. What it emits faster
 * waits here, unencoded and up to a bound; its completion or error comes behind that.
 */
export class ObservableSender {
  readonly #target: MessageTarget;
  readonly #waiting = new Fifo<unknown>();
  #blocked = false;
  /** Ends the call once nothing waits any more. */
  #finish: (() => void) | undefined;
  #subscription: Subscription | undefined;
  #stopped = false;

  constructor(target: MessageTarget) {
    this.#target = target;
  }

  /** Begins; may be called once. */
  start(source: Observable<unknown>): void {
    this.#subscription = source.subscribe({
      next: (message) => this.#next(message),
      error: (error: unknown) => this.#done(() => this.#target.fail(error)),
      complete: () => this.#done(() => this.#target.end()),
    });
    if (this.#stopped) this.#subscription.unsubscribe();
  }

  /** Unsubscribes and drops what waits. */
  stop(): void {
    this.#stopped = true;
    this.#waiting.clear();
    this.#subscription?.unsubscribe();
  }

  #next(message: unknown): void {
    if (this.#stopped) return;
    if (!this.#blocked) return this.#send(message);
    this.#waiting.push(message);
    if (this.#waiting.length > MAX_WAITING) {
      const text = `Observable emitted ${MAX_WAITING} messages more than the peer has taken`;
      this.#fail(new BufferFullError(text));
    }
  }

  #send(message: unknown): void {
    try {
      if (this.#target.send(message)) return;
    } catch (error) {
      return this.#fail(error);
    }
    this.#blocked = true;
    this.#target.whenDrained(() => this.#resume());
  }

  #resume(): void {
    this.#blocked = false;
    while (!this.#blocked && this.#waiting.length > 0) this.#send(this.#waiting.take());
    if (!this.#blocked && !this.#stopped) this.#finish?.();
  }

  #done(finish: () => void): void {
    if (this.#stopped) return;
    if (this.#blocked) this.#finish = finish;
    else finish();
  }

  #fail(error: unknown): void {
    this.stop();
    this.#target.fail(error);
  }
}
