import { BufferFullError, StatusError, TtrpcError } from '../errors.js';
import type { DrainWaiter } from '../protocol/connection.js';
import { ServerStream, type ServerConnection } from '../protocol/server-connection.js';
import { Metadata } from '../spec/metadata.js';
import { METHOD_SHAPES } from '../spec/method.js';
import { StatusCode, type Status } from '../spec/status.js';
import { decodeMetadata, endPayload, type RequestView } from '../wire/request-codec.js';
import { beginResponsePayload } from '../wire/response-codec.js';
import type { CallContext, Peer } from './call.js';
import { Deadline } from './deadline.js';
import { encodeDetails } from './encode-details.js';
import { MESSAGE_OVERHEAD, MessageQueue, type QueueOwner } from './message-queue.js';
import type { MethodDefinition } from './method-definition.js';
import type { PumpTarget } from './pump.js';
import { ReceiveBudget, type Holder } from './receive-budget.js';
import type { RequestBudget } from './request-budget.js';
import { isDeliberate, toStatus } from './to-status.js';

/** What all calls of one connection share. */
export interface CallEnvironment {
  readonly connection: ServerConnection;
  readonly peer: Peer;
  readonly settings: ServerCallSettings;
  readonly requests: RequestBudget;
}

/** What all calls of one server share. */
export interface ServerCallSettings {
  /** Whether the message of an unknown error is told to the caller. */
  readonly exposeErrorMessages: boolean;
  /** Hears of errors that say no status of their own, before they are answered. */
  readonly onHandlerError: ((error: unknown, context: CallContext) => void) | undefined;
}

/** Serves one method's calls on the lowest level: it ends every call it is given, once. */
export type RawHandler<Request = unknown, Response = unknown> = (
  call: ServerCall<Request, Response>,
) => void;

/**
 * One call of a server, from its request to its one end: a response, the end of a stream of
 * messages, a status, or the caller's going away. What is sent after that is dropped.
 */
export class ServerCall<Request = unknown, Response = unknown>
  extends ServerStream
  implements CallContext, DrainWaiter, Holder, QueueOwner, PumpTarget<Response>
{
  readonly method: MethodDefinition<Request, Response>;
  readonly peer: Peer;
  /** The request of a method that takes one; of a request stream `undefined`. */
  request: Request | undefined;
  /** The requests of a method that takes a stream. */
  readonly requests: MessageQueue<Request> | undefined;
  /** @internal */
  held = 0;
  /** @internal */
  slot = 0;
  /** Of a call whose requests may have to wait. */
  readonly #budget: ReceiveBudget | undefined;
  readonly #requestBudget: RequestBudget;
  /** Bytes of request and metadata, kept until the call is over. */
  #kept = 0;
  readonly #settings: ServerCallSettings;
  readonly #metadataText: string | undefined;
  readonly #deadline: Deadline | undefined;
  #metadata: Metadata | undefined;
  #controller: AbortController | undefined;
  #cancellation: StatusError | undefined;
  #stops: (() => void)[] | undefined;
  #drained: (() => void) | undefined;

  constructor(
    environment: CallEnvironment,
    streamId: number,
    method: MethodDefinition<Request, Response>,
    view: ServerRequest,
  ) {
    const shape = METHOD_SHAPES[method.kind];
    super(environment.connection, streamId, shape, view.halfClosed);
    this.method = method;
    this.peer = environment.peer;
    this.#requestBudget = environment.requests;
    this.#settings = environment.settings;
    if (shape.requestStream) {
      this.requests = new MessageQueue<Request>(this);
      this.#budget = ReceiveBudget.of(environment.connection);
    }
    this.#metadataText = view.metadata;
    if (view.metadata !== undefined) this.#keep(view.metadata.length);
    this.#deadline = Deadline.ofNanos(view.timeoutNano);
    if (this.#deadline !== undefined) this.#watch(this.#deadline);
  }

  get metadata(): Metadata {
    if (this.#metadata === undefined) {
      const text = this.#metadataText;
      const load =
        text === undefined ? undefined : () => decodeMetadata(Buffer.from(text, 'latin1'));
      this.#metadata = new Metadata(load);
    }
    return this.#metadata;
  }

  get signal(): AbortSignal {
    // Made when somebody asks: it costs more than the rest of the call.
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#cancellation !== undefined) this.#controller.abort(this.#cancellation);
    }
    return this.#controller.signal;
  }

  get deadline(): Date | undefined {
    return this.#deadline?.toDate();
  }

  /** Why nobody waits for the call any more: the caller went away or the deadline passed. */
  get cancellation(): StatusError | undefined {
    return this.#cancellation;
  }

  /** Ends a call that has one response. What can't be sent becomes a status. */
  reply(message: Response): void {
    if (!this.active) return;
    if (this.connection.overfull) return this.fail(this.#tooMuch());
    const writer = this.beginResponse();
    try {
      const begun = beginResponsePayload(writer);
      this.method.response.write(message, writer);
      endPayload(writer, begun);
      this.endResponse();
    } catch (error) {
      writer.abortFrame();
      return this.fail(this.#replyError(error));
    }
    this.#finish();
  }

  /**
   * Sends a message of a response stream.
   *
   * @returns whether more may follow at once; if not, wait for {@link drained}
   * @throws TtrpcError when it can't be serialised or sent; the call goes on
   */
  send(message: Response): boolean {
    if (!this.active) return true;
    const { connection } = this;
    if (connection.overfull) throw this.#tooMuch();
    const writer = this.beginMessage();
    try {
      this.method.response.write(message, writer);
      this.endMessage();
    } catch (error) {
      writer.abortFrame();
      throw this.#replyError(error);
    }
    return !connection.congested;
  }

  /** Ends a response stream well. */
  end(): void {
    if (!this.active) return;
    this.sendEnd();
    this.#finish();
  }

  /** Ends the call with the status that `error` stands for. */
  fail(error: unknown): void {
    if (!this.active) return;
    if (!isDeliberate(error)) this.#report(error);
    const status = toStatus(error, this.#settings.exposeErrorMessages);
    this.#answer(encodeDetails(status, this.method, (reason) => this.#report(reason)));
    this.#finish();
  }

  /** Resolves when the connection takes messages again, or the call is over. */
  drained(): Promise<void> {
    return new Promise((resolve) => this.whenDrained(resolve));
  }

  /** Calls `drained` once the connection takes messages again, or the call is over. */
  whenDrained(drained: () => void): void {
    if (!this.active || !this.connection.congested) return drained();
    this.#drained = drained;
    this.connection.waitForDrain(this);
  }

  onDrain(): void {
    const drained = this.#drained;
    this.#drained = undefined;
    drained?.();
  }

  /** Calls `stop` once the call is over, for whatever reason; at once if it is. */
  onStop(stop: () => void): void {
    if (!this.active) return stop();
    this.#stops ??= [];
    this.#stops.push(stop);
  }

  /** Ends the call because nobody waits for it: signal and request stream say so. */
  cancel(cancellation: StatusError): void {
    this.#cancellation ??= cancellation;
    this.#controller?.abort(this.#cancellation);
    this.requests?.abort(this.#cancellation);
    this.#finish();
  }

  /** @internal Takes a message of the request stream, or the request. */
  accept(bytes: Buffer, start: number, end: number): void {
    let message: Request;
    try {
      message = this.method.request.read(bytes, start, end);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      const text = `ttrpc: error unmarshalling payload: ${why}`;
      const failure = new StatusError(
        { code: StatusCode.Internal, message: text },
        { cause: error },
      );
      return this.#breakOff(failure);
    }
    if (this.requests !== undefined) return this.requests.push(message, end - start);
    this.request = message;
    this.#keep(end - start + MESSAGE_OVERHEAD);
  }

  get maxBytes(): number {
    return this.connection.options.maxStreamBufferBytes;
  }

  get stallTimeoutMs(): number {
    return this.connection.options.stallTimeoutMs;
  }

  /** @internal */
  pauseReading(): void {
    this.connection.pauseReading();
  }

  /** @internal */
  resumeReading(): void {
    this.connection.resumeReading();
  }

  hold(bytes: number): void {
    this.#budget?.hold(this, bytes);
  }

  release(bytes: number): void {
    this.#budget?.release(this, bytes);
  }

  onStalled(error: BufferFullError): void {
    this.connection.counters.stalledStreams++;
    const status = { code: StatusCode.ResourceExhausted, message: error.details };
    this.#breakOff(new StatusError(status, { cause: error }));
  }

  onReturn(): void {
    // The handler wants no more requests; it may still answer.
  }

  protected override onMessage(bytes: Buffer, start: number, end: number): void {
    try {
      this.accept(bytes, start, end);
    } catch (error) {
      // A consumer of the requests threw: its call's fault, not the connection's.
      this.fail(error);
    }
  }

  protected override onHalfClosed(): void {
    try {
      this.requests?.end();
    } catch (error) {
      this.fail(error);
    }
  }

  protected override onCutOff(error: TtrpcError): void {
    const status = { code: StatusCode.Cancelled, message: `caller is gone: ${error.details}` };
    this.cancel(new StatusError(status, { cause: error }));
  }

  #keep(bytes: number): void {
    this.#kept += bytes;
    this.#requestBudget.keep(bytes);
  }

  #watch(deadline: Deadline): void {
    deadline.arm(() => {
      const status = { code: StatusCode.DeadlineExceeded, message: 'deadline exceeded' };
      this.#breakOff(new StatusError(status));
    });
  }

  /** Ends a call that can't go on, whatever its handler is at. */
  #breakOff(reason: StatusError): void {
    if (!this.active) return;
    this.#answer(reason.status);
    this.cancel(reason);
  }

  #answer(status: Status): void {
    if (!this.active) return;
    if (this.connection.overfull) return this.sendStatus(shortened(status));
    try {
      this.sendStatus(status);
    } catch {
      // Its text or details are above the limit: the code at least arrives.
      this.connection.writer.abortFrame();
      this.sendStatus(shortened(status));
    }
  }

  #tooMuch(): BufferFullError {
    this.connection.counters.unsentStreams++;
    return new BufferFullError(TOO_FAST);
  }

  /** What a message that can't be sent ends its call with; a faulty one is worth a log line. */
  #replyError(error: unknown): TtrpcError {
    if (error instanceof TtrpcError) return error;
    this.#report(error);
    const why = error instanceof Error ? error.message : String(error);
    const message = `response message can not be serialised: ${why}`;
    return new StatusError({ code: StatusCode.Internal, message }, { cause: error });
  }

  #report(error: unknown): void {
    try {
      this.#settings.onHandlerError?.(error, this);
    } catch {
      // A logger that fails must not cost the caller its answer.
    }
  }

  #finish(): void {
    this.#deadline?.disarm();
    this.connection.stopWaiting(this);
    this.requests?.discard(endedEarly);
    this.#requestBudget.release(this.#kept);
    this.#kept = 0;
    this.onDrain();
    const stops = this.#stops;
    this.#stops = undefined;
    if (stops !== undefined) for (const stop of stops) this.#run(stop);
  }

  /** One teardown that throws must not keep the others from running. */
  #run(stop: () => void): void {
    try {
      stop();
    } catch (error) {
      this.#report(error);
    }
  }
}

/** What a request says besides its message. */
export interface ServerRequest {
  readonly halfClosed: boolean;
  readonly timeoutNano: number;
  /** The part of the envelope that holds metadata, a character a byte: cheaper to keep than a Buffer. */
  readonly metadata: string | undefined;
}

/** Reads what a call keeps of a request. */
export function keepRequest(view: RequestView, halfClosed: boolean): ServerRequest {
  const { bytes, metadataStart, metadataEnd, timeoutNano } = view;
  const metadata =
    metadataEnd === 0 ? undefined : bytes.toString('latin1', metadataStart, metadataEnd);
  return { halfClosed, timeoutNano, metadata };
}

/** For whoever takes requests behind the end of their call: part of a stream is not the whole. */
function endedEarly(): StatusError {
  const message = 'call is over: it has ended before its requests';
  return new StatusError({ code: StatusCode.Cancelled, message });
}

const TOO_FAST = 'messages are sent faster than the peer takes them';

/** Characters of a status message that fit whatever the limit is. */
const SHORT_MESSAGE = 200;

function shortened({ code, message }: Status): Status {
  return { code, message: message.slice(0, SHORT_MESSAGE), details: [] };
}
