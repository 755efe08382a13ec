import { StatusError, UsageError, type BufferFullError, type TtrpcError } from '../errors.js';
import { StatusCode } from '../spec/status.js';
import { StreamClientCall, type ResponseListener } from './client-stream-call.js';
import { MessageQueue, type QueueOwner } from './message-queue.js';
import type { CallOptions } from './call.js';
import type { MethodDefinition } from './method-definition.js';
import { pump, type PumpTarget } from './pump.js';
import type { Holder, ReceiveBudget } from './receive-budget.js';

/** Starts calls; implemented by the client. */
export interface CallStarter {
  /** For calls that name no timeout, in milliseconds; `Infinity`: none. */
  readonly defaultTimeoutMs: number;
  readonly maxStreamBufferBytes: number;
  readonly stallTimeoutMs: number;
  /** Starts the call now, or as soon as there is a connection that takes it; or ends it. */
  start(call: StartableCall): void;
}

/** A call that its starter knows nothing else of. */
export type StartableCall = Pick<
  StreamClientCall<never, unknown>,
  'fail' | 'freeze' | 'onLeave' | 'pending' | 'start' | 'waitForReady' | 'watch'
>;

/** What a call is made of. */
export interface StreamCallPlan<Request, Response> {
  readonly method: MethodDefinition<Request, Response>;
  readonly options: CallOptions;
  /** The messages to send; of a method that takes one, that one. */
  readonly input:
    | { readonly request: Request }
    | { readonly requests: AsyncIterable<Request> | Iterable<Request> };
}

/**
 * The responses of a call that is made when they are first asked for. Leaving the loop cancels it.
 * The connection is read as fast as the loop takes messages, within the queue's bounds.
 */
export class ResponseStream<Request, Response>
  implements
    AsyncIterable<Response>,
    Holder,
    QueueOwner,
    ResponseListener<Response>,
    PumpTarget<Request>
{
  readonly #starter: CallStarter;
  readonly #plan: StreamCallPlan<Request, Response>;
  readonly #queue = new MessageQueue<Response>(this);
  /** @internal */
  held = 0;
  /** @internal */
  slot = 0;
  #budget: ReceiveBudget | undefined;
  #call: StreamClientCall<Request, Response> | undefined;
  #ended = false;
  #drained: (() => void) | undefined;
  #stop: (() => void) | undefined;

  constructor(starter: CallStarter, plan: StreamCallPlan<Request, Response>) {
    this.#starter = starter;
    this.#plan = plan;
  }

  /** @throws UsageError when the stream was iterated before */
  [Symbol.asyncIterator](): AsyncIterator<Response, undefined> {
    if (this.#call !== undefined) throw new UsageError('a call can be iterated only once');
    const { method, options, input } = this.#plan;
    const { defaultTimeoutMs } = this.#starter;
    const request = 'request' in input ? { request: input.request } : {};
    const settings = { options, defaultTimeoutMs, listener: this, ...request };
    this.#call = new StreamClientCall(method, settings);
    this.#starter.start(this.#call);
    if ('requests' in input) void pump(input.requests, this);
    return this.#queue;
  }

  // What the call brings.

  onMessage(message: Response, size: number): void {
    this.#queue.push(message, size);
  }

  onEnd(): void {
    this.#finish();
    this.#queue.end();
  }

  onError(error: TtrpcError): void {
    this.#finish();
    // Whoever gave up wants no more; a peer's status comes behind what it had sent.
    if (error.kind === 'ttrpc.status' && (error as StatusError).origin === 'local') {
      this.#queue.abort(error);
    } else this.#queue.fail(error);
  }

  onDrain(): void {
    const drained = this.#drained;
    this.#drained = undefined;
    drained?.();
  }

  // What the queue asks for.

  get maxBytes(): number {
    return this.#starter.maxStreamBufferBytes;
  }

  get stallTimeoutMs(): number {
    return this.#starter.stallTimeoutMs;
  }

  pauseReading(): void {
    this.#call?.pauseReading();
  }

  resumeReading(): void {
    this.#call?.resumeReading();
  }

  hold(bytes: number): void {
    this.#budget ??= this.#call?.budget;
    this.#budget?.hold(this, bytes);
  }

  release(bytes: number): void {
    this.#budget?.release(this, bytes);
  }

  onStalled(error: BufferFullError): void {
    this.#queue.abort(error);
    this.#call?.stall(error);
  }

  onReturn(): void {
    this.#call?.cancel();
  }

  // Where the requests go.

  get active(): boolean {
    return !this.#ended;
  }

  send(message: Request): boolean {
    return this.#call?.send(message) ?? true;
  }

  drained(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#ended) resolve();
      else this.#drained = resolve;
    });
  }

  end(): void {
    this.#call?.endMessages();
  }

  /** The caller's own messages failed: so does the call. */
  fail(error: unknown): void {
    const why = error instanceof Error ? error.message : String(error);
    const status = { code: StatusCode.Cancelled, message: `request stream failed: ${why}` };
    this.#call?.breakOff(new StatusError(status, { cause: error }));
  }

  onStop(stop: () => void): void {
    if (this.#ended) stop();
    else this.#stop = stop;
  }

  #finish(): void {
    this.#ended = true;
    // What came before the end is the caller's to take, and no more can follow.
    this.#budget?.drop(this);
    this.onDrain();
    this.#stop?.();
  }
}
