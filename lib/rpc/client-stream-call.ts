import { BufferFullError, type TtrpcError } from '../errors.js';
import type { ClientConnection } from '../protocol/client-connection.js';
import type { DrainWaiter } from '../protocol/connection.js';
import type { FrameWriter } from '../wire/frame-writer.js';
import { beginRequestPayload, endPayload } from '../wire/request-codec.js';
import { asSendError, ClientCall, encodeMessage, sentAfterEnd } from './client-call.js';
import type { CallOptions } from './call.js';
import type { MethodDefinition } from './method-definition.js';
import { ReceiveBudget } from './receive-budget.js';

/** Takes what a streaming call brings; `onEnd` or `onError` is the last call, and comes once. */
export interface ResponseListener<Response> {
  /** `size` is the payload's, in bytes. */
  onMessage(message: Response, size: number): void;
  /** The server has ended the call well. */
  onEnd(): void;
  /** The call has failed. */
  onError(error: TtrpcError): void;
  /** There is room for messages again, after `send` returned false. */
  onDrain(): void;
}

/** What a streaming call needs besides its method. */
export interface StreamCallSettings<Request, Response> {
  readonly options: CallOptions;
  readonly defaultTimeoutMs: number;
  readonly listener: ResponseListener<Response>;
  /** The one request of a method that takes no stream. */
  readonly request?: Request;
}

/**
 * A call that streams in at least one direction. Messages may be sent before the call could be
 * started; they are kept, encoded, up to a bound of their own.
 */
export class StreamClientCall<Request, Response>
  extends ClientCall<Request, Response>
  implements DrainWaiter
{
  readonly #listener: ResponseListener<Response>;
  readonly #request: Request | undefined;
  readonly #requestStream: boolean;
  #frozen: Buffer | undefined;
  /** Encoded messages that were sent before the call was started. */
  #early: Buffer[] = [];
  #earlyBytes = 0;
  #ended = false;

  constructor(
    method: MethodDefinition<Request, Response>,
    settings: StreamCallSettings<Request, Response>,
  ) {
    super(method, settings.options, settings.defaultTimeoutMs);
    this.#listener = settings.listener;
    this.#request = settings.request;
    this.#requestStream = method.kind !== 'serverStreaming';
  }

  /** @internal */
  override freeze(): number {
    if (this.#requestStream) return super.freeze();
    this.#frozen = encodeMessage(this.method.request, this.#request as Request);
    return super.freeze() + this.#frozen.length;
  }

  /** @internal */
  override start(connection: ClientConnection): void {
    super.start(connection);
    for (const message of this.#early.splice(0)) {
      if (this.sendable) this.#sendEncoded(message);
    }
    if (this.#ended) this.halfClose();
    else if (this.sendable) this.#waitOrDrain(connection);
  }

  /**
   * Sends a message. After the call's end it goes nowhere, as the peer may end a call early.
   *
   * @returns whether more may follow at once; if not, wait for {@link ResponseListener.onDrain}
   * @throws UsageError after {@link endMessages}; nothing was sent
   */
  send(message: Request): boolean {
    if (this.#ended) throw sentAfterEnd();
    if (!this.pending) return true;
    const { connection } = this;
    if (connection === undefined) return this.#sendEarly(message);
    if (!this.sendable) return true;
    if (connection.overfull) {
      connection.counters.unsentStreams++;
      this.giveUp(this.#tooMuch());
      return true;
    }
    const writer = this.beginMessage();
    try {
      this.method.request.write(message, writer);
      this.endMessage();
    } catch (error) {
      writer.abortFrame();
      this.giveUp(asSendError(error));
      return true;
    }
    if (!connection.congested) return true;
    connection.waitForDrain(this);
    return false;
  }

  /** Says that no more messages follow. */
  endMessages(): void {
    this.#ended = true;
    // A call that is over closes its half by itself, and at its deadline not before the server's.
    if (this.pending) this.halfClose();
  }

  /** @internal What the calls of the connection keep; absent before the call was started. */
  get budget(): ReceiveBudget | undefined {
    const { connection } = this;
    return connection === undefined ? undefined : ReceiveBudget.of(connection);
  }

  /** Ends the call because what it has received was kept too long. */
  stall(error: BufferFullError): void {
    const { connection } = this;
    if (connection !== undefined && this.pending) connection.counters.stalledStreams++;
    this.breakOff(error);
  }

  /** Stops reading from the connection that carries the call; {@link resumeReading} undoes it. */
  pauseReading(): void {
    this.connection?.pauseReading();
  }

  /** Undoes {@link pauseReading}. */
  resumeReading(): void {
    this.connection?.resumeReading();
  }

  onDrain(): void {
    if (this.pending && !this.#ended) this.#listener.onDrain();
  }

  protected override writeFirst(writer: FrameWriter): void {
    if (this.#requestStream) return;
    const begun = beginRequestPayload(writer);
    if (this.#frozen === undefined) this.method.request.write(this.#request as Request, writer);
    else writer.append(this.#frozen);
    endPayload(writer, begun);
  }

  protected override deliver(message: Response, size: number): void {
    this.#listener.onMessage(message, size);
  }

  protected override settle(error: TtrpcError | undefined): void {
    this.connection?.stopWaiting(this);
    this.#early = [];
    if (error === undefined) this.#listener.onEnd();
    else this.#listener.onError(error);
  }

  #sendEarly(message: Request): boolean {
    let bytes: Buffer;
    try {
      bytes = encodeMessage(this.method.request, message);
    } catch (error) {
      this.giveUp(asSendError(error));
      return true;
    }
    // The first is as long as it is: once the call has started it would be sent, too.
    if (this.#early.length > 0 && this.#earlyBytes + bytes.length > MAX_EARLY_BYTES) {
      this.giveUp(this.#tooMuch());
      return true;
    }
    this.#early.push(bytes);
    this.#earlyBytes += bytes.length;
    return false;
  }

  #sendEncoded(message: Buffer): void {
    try {
      this.beginMessage().append(message);
      this.endMessage();
    } catch (error) {
      this.giveUp(asSendError(error));
    }
  }

  #waitOrDrain(connection: ClientConnection): void {
    if (connection.congested) connection.waitForDrain(this);
    else this.#listener.onDrain();
  }

  #tooMuch(): BufferFullError {
    return new BufferFullError('messages are sent faster than the peer takes them');
  }
}

/** What a call may send before there is a connection, in bytes; its first message may be longer. */
const MAX_EARLY_BYTES = 4 * 1024 * 1024;
