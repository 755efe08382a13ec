import { isObservable, type Observable } from 'rxjs';
import type { StreamClientCall } from '../rpc/client-stream-call.js';
import type { MethodDefinition } from '../rpc/method-definition.js';
import { isAsyncIterable, isIterable, pump, type PumpTarget } from '../rpc/pump.js';
import { ObservableSender, type MessageTarget } from './observable-sender.js';

/** What a user may hand over as a stream of requests. */
export type Requests = Observable<unknown> | AsyncIterable<unknown> | Iterable<unknown>;

/** @throws TypeError when it is not a stream */
export function toRequests(method: MethodDefinition, input: unknown): Requests {
  if (isObservable(input) || isAsyncIterable(input) || isIterable(input)) return input;
  const got = input === null ? 'null' : typeof input;
  throw new TypeError(
    `${method.service}/${method.name} takes a stream: an Observable or (async) iterable, got ${got}`,
  );
}

/**
 * The requests of a call on their way from the user to the engine: of an Observable as they come,
 * of an iterable as the server takes them.
 */
export class Upstream implements MessageTarget, PumpTarget<unknown> {
  /** Absent until the call is made. */
  call: StreamClientCall<unknown, unknown> | undefined;
  readonly #onFailure: (error: unknown) => void;
  #drained: (() => void) | undefined;
  #stop: (() => void) | undefined;
  #stopped = false;
  #failed = false;

  /** @param onFailure - hears of the first failure: of the user's requests, or of the call */
  constructor(onFailure: (error: unknown) => void) {
    this.#onFailure = onFailure;
  }

  /** Begins to send; may be called once. */
  start(requests: Requests): void {
    if (!isObservable(requests)) {
      void pump(requests, this);
      return;
    }
    const sender = new ObservableSender(this);
    this.onStop(() => sender.stop());
    sender.start(requests);
  }

  /** Wants no more requests: unsubscribes, or leaves the iterable's loop. */
  stop(): void {
    this.#stopped = true;
    this.onDrain();
    const stop = this.#stop;
    this.#stop = undefined;
    stop?.();
  }

  /** Ends the call, once. */
  fail(error: unknown): void {
    if (this.#failed) return;
    this.#failed = true;
    this.#onFailure(error);
    if (this.call?.pending === true) this.call.cancel(error);
  }

  /** There is room for messages again. */
  onDrain(): void {
    const drained = this.#drained;
    this.#drained = undefined;
    drained?.();
  }

  get active(): boolean {
    return !this.#stopped;
  }

  send(message: unknown): boolean {
    return this.call?.send(message) ?? true;
  }

  drained(): Promise<void> {
    return new Promise((resolve) => this.whenDrained(resolve));
  }

  whenDrained(drained: () => void): void {
    if (this.#stopped) drained();
    else this.#drained = drained;
  }

  end(): void {
    this.call?.endMessages();
  }

  onStop(stop: () => void): void {
    if (this.#stopped) stop();
    else this.#stop = stop;
  }
}
