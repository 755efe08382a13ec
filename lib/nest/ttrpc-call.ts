import { EventEmitter } from 'node:events';
import type { Peer } from '../rpc/call.js';
import type { ServerCall } from '../rpc/server-call.js';
import { fullMethod } from '../spec/method.js';
import type { Metadata } from '../spec/metadata.js';
import { afterCall } from './after-call.js';
import { failureOf } from './exception-status.js';
import type { TtrpcContext } from './ttrpc.context.js';

type Listener = (...values: never[]) => void;

/**
 * A handler's third argument: the call, with the members that grpc-js's server calls have. Of the
 * stream's events there is `cancelled`; what ttrpc has no wire form for does nothing.
 */
export class TtrpcServerCall<Request = unknown> implements TtrpcContext {
  readonly #call: ServerCall;
  /** Made when somebody listens: most handlers never look at their call. */
  #events: EventEmitter | undefined;

  constructor(call: ServerCall) {
    this.#call = call;
  }

  /** The request of a method that takes one. */
  get request(): Request {
    return this.#call.request as Request;
  }

  get metadata(): Metadata {
    return this.#call.metadata;
  }

  /** Whether nobody waits for the answer any more. */
  get cancelled(): boolean {
    return this.#call.cancellation !== undefined;
  }

  /** Aborts when the caller is gone, the deadline has passed or the server closes. */
  get signal(): AbortSignal {
    return this.#call.signal;
  }

  /** Who calls, and what the handshake attached to its connection. */
  get peer(): Peer {
    return this.#call.peer;
  }

  /** When the caller stops waiting; absent when it waits for ever. */
  get deadline(): Date | undefined {
    return this.#call.deadline;
  }

  /** `/pkg.Service/Method`. */
  get fullMethod(): string {
    const { service, name } = this.#call.method;
    return fullMethod(service, name);
  }

  /** `pkg.Service/Method`, for instrumentation. */
  get operationId(): string {
    return this.getPattern();
  }

  /** `pkg.Service/Method`. */
  getPattern(): string {
    return this.fullMethod.slice(1);
  }

  /** As {@link fullMethod}, under grpc-js's name. */
  getPath(): string {
    return this.fullMethod;
  }

  /** Address of the caller, or of the server's own socket when that is local. */
  getPeer(): string {
    return this.#call.peer.address;
  }

  /** When the caller stops waiting; `Infinity` when it waits for ever. */
  getDeadline(): Date | number {
    return this.#call.deadline ?? Infinity;
  }

  /** ttrpc has no response metadata: nothing happens. */
  sendMetadata(_metadata: unknown): void {}

  /** Listens to an event: `cancelled` comes when nobody waits for the answer any more. */
  on(event: string, listener: Listener): this {
    this.#emitter().on(event, listener as (...values: unknown[]) => void);
    return this;
  }

  /** As {@link on}, for the next time only. */
  once(event: string, listener: Listener): this {
    this.#emitter().once(event, listener as (...values: unknown[]) => void);
    return this;
  }

  /** Undoes {@link on} and {@link once}. */
  off(event: string, listener: Listener): this {
    this.#events?.off(event, listener as (...values: unknown[]) => void);
    return this;
  }

  /** `emit('error', error)` ends the call with the status of `error`, as in grpc-js. */
  emit(event: string, ...values: unknown[]): boolean {
    if (event === 'error') {
      this.#call.fail(failureOf(values[0]));
      return true;
    }
    return this.#events?.emit(event, ...values) ?? false;
  }

  #emitter(): EventEmitter {
    if (this.#events === undefined) {
      const events = new EventEmitter();
      this.#events = events;
      afterCall(this.#call, () => {
        if (this.cancelled) events.emit('cancelled', 'cancelled');
      });
    }
    return this.#events;
  }
}
