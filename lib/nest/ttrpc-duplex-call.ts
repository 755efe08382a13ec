import { Duplex, finished } from 'node:stream';
import { StatusError } from '../errors.js';
import type { Peer } from '../rpc/call.js';
import type { ServerCall } from '../rpc/server-call.js';
import type { Metadata } from '../spec/metadata.js';
import { METHOD_SHAPES } from '../spec/method.js';
import { StatusCode } from '../spec/status.js';
import { afterCall } from './after-call.js';
import { failureOf } from './exception-status.js';
import { TtrpcServerCall } from './ttrpc-call.js';
import type { TtrpcContext } from './ttrpc.context.js';

/**
 * What a `@GrpcStreamCall` handler gets: the messages of a call as an object stream, with the
 * members of grpc-js's server streams.
 *
 * It is not destroyed with the last request, so that a handler may answer behind a `for await` over
 * them, but when both directions are over.
 */
export class TtrpcDuplexCall extends Duplex implements TtrpcContext {
  readonly #call: ServerCall;
  readonly #facts: TtrpcServerCall;

  constructor(call: ServerCall) {
    super({ objectMode: true, emitClose: true, autoDestroy: false });
    this.#call = call;
    this.#facts = new TtrpcServerCall(call);
    const destroyIfOver = (): void => {
      if (!call.active && this.#received && this.#answered) this.destroy();
    };
    this.on('error', (error) => call.fail(failureOf(error))).on('end', destroyIfOver);
    this.on('finish', destroyIfOver);
    afterCall(call, () => {
      if (call.cancellation === undefined) return destroyIfOver();
      this.destroy();
      this.emit('cancelled', 'cancelled');
    });
  }

  /** The request of a method that takes one. */
  get request(): unknown {
    return this.#facts.request;
  }

  get metadata(): Metadata {
    return this.#facts.metadata;
  }

  get cancelled(): boolean {
    return this.#facts.cancelled;
  }

  get signal(): AbortSignal {
    return this.#facts.signal;
  }

  get peer(): Peer {
    return this.#facts.peer;
  }

  get deadline(): Date | undefined {
    return this.#facts.deadline;
  }

  get fullMethod(): string {
    return this.#facts.fullMethod;
  }

  /** `pkg.Service/Method`, for instrumentation. */
  get operationId(): string {
    return this.#facts.operationId;
  }

  getPattern(): string {
    return this.#facts.getPattern();
  }

  /** As {@link fullMethod}, under grpc-js's name. */
  getPath(): string {
    return this.#facts.getPath();
  }

  /** Address of the caller, or of the server's own socket when that is local. */
  getPeer(): string {
    return this.#facts.getPeer();
  }

  /** When the caller stops waiting; `Infinity` when it waits for ever. */
  getDeadline(): Date | number {
    return this.#facts.getDeadline();
  }

  /** ttrpc has no response metadata: nothing happens. */
  sendMetadata(_metadata: unknown): void {}

  /** @internal */
  override _read(): void {
    const { requests } = this.#call;
    requests?.next().then(
      ({ done, value }) => this.push(done === true ? null : value),
      (error: Error) => this.#cutOff(error),
    );
  }

  /** @internal */
  override _write(message: unknown, _encoding: string, done: (error?: Error) => void): void {
    try {
      if (this.#call.send(message)) done();
      else this.#call.whenDrained(done);
    } catch (error) {
      done(error as Error);
    }
  }

  /** @internal */
  override _final(done: () => void): void {
    if (this.#streams) this.#call.end();
    done();
  }

  /** @internal */
  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    // Without an error, a response may still come through the callback, but no message.
    if (error === null && this.#streams) this.#call.fail(abandoned());
    done(error);
  }

  /** No request follows, and no `end` either: those that came are not the whole stream. */
  #cutOff(error: Error): void {
    if (this.#call.cancellation !== undefined) this.destroy(error);
    // The handler itself has ended the call, perhaps a moment before its stream says `finish`.
    else if (this.writableEnded) finished(this, { readable: false }, () => this.destroy());
    else this.destroy();
  }

  /** Whether responses are a stream; one response goes through the callback. */
  get #streams(): boolean {
    return METHOD_SHAPES[this.#call.method.kind].responseStream;
  }

  get #received(): boolean {
    return this.readableEnded || !METHOD_SHAPES[this.#call.method.kind].requestStream;
  }

  get #answered(): boolean {
    return this.writableFinished || !this.#streams;
  }
}

function abandoned(): StatusError {
  return new StatusError({ code: StatusCode.Cancelled, message: 'handler destroyed its call' });
}
