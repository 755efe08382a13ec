import { Duplex } from 'node:stream';
import type { Peer } from '../rpc/call.js';
import type { ServerCall } from '../rpc/server-call.js';
import type { Metadata } from '../spec/metadata.js';
import { afterCall } from './after-call.js';
import { TtrpcServerCall } from './ttrpc-call.js';

/**
 * What a `@GrpcStreamCall` handler gets: the messages of a call as an object stream, with the
 * members of grpc-js's server streams.
 */
export class TtrpcDuplexCall extends Duplex {
  readonly #call: ServerCall;
  readonly #facts: TtrpcServerCall;

  constructor(call: ServerCall) {
    super({ objectMode: true, emitClose: true });
    this.#call = call;
    this.#facts = new TtrpcServerCall(call);
    this.on('error', (error) => call.fail(error));
    afterCall(call, () => {
      if (call.cancellation === undefined) return;
      this.destroy();
      this.emit('cancelled', 'cancelled');
    });
  }

  get request(): undefined {
    return undefined;
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

  get operationId(): string {
    return this.#facts.operationId;
  }

  getPattern(): string {
    return this.#facts.getPattern();
  }

  getPath(): string {
    return this.#facts.getPath();
  }

  getPeer(): string {
    return this.#facts.getPeer();
  }

  getDeadline(): Date | number {
    return this.#facts.getDeadline();
  }

  /** ttrpc has no response metadata: nothing happens. */
  sendMetadata(_metadata: unknown): void {}

  override _read(): void {
    const { requests } = this.#call;
    requests?.next().then(
      ({ done, value }) => this.push(done === true ? null : value),
      (error: Error) => this.destroy(error),
    );
  }

  override _write(message: unknown, _encoding: string, done: (error?: Error) => void): void {
    try {
      if (this.#call.send(message)) done();
      else this.#call.whenDrained(done);
    } catch (error) {
      done(error as Error);
    }
  }

  override _final(done: () => void): void {
    if (this.#call.method.kind === 'bidirectional') this.#call.end();
    done();
  }
}
