import { StatusError, TtrpcError, UsageError } from '../errors.js';
import { ClientStream, type ClientConnection } from '../protocol/client-connection.js';
import { toMetadata, type Metadata } from '../spec/metadata.js';
import { METHOD_SHAPES } from '../spec/method.js';
import { StatusCode, type Status } from '../spec/status.js';
import { FrameWriter } from '../wire/frame-writer.js';
import {
  beginRequestPayload,
  encodeRoute,
  endPayload,
  metadataSize,
  metadataTooLarge,
  writeRequestTail,
} from '../wire/request-codec.js';
import { unwatchAbort, watchAbort, type AbortWatcher } from './abort-watch.js';
import type { CallOptions } from './call.js';
import { callDeadline, type Deadline } from './deadline.js';
import type { MethodDefinition } from './method-definition.js';
import type { PayloadCodec } from './payload-codec.js';
import { surface } from './surface.js';

/** What a {@link CallQueue} needs of a call that waits in it. */
export interface QueuedCall {
  /** Whether it waits while there is no connection to be had; absent: as the client says. */
  readonly waitForReady: boolean | undefined;
  /** The call ended before it was started. */
  onLeave: (() => void) | undefined;
  /** Encodes the request now, so that later changes to it don't matter; bytes kept for it. */
  freeze(): number;
  start(connection: ClientConnection): void;
  /** Ends the call. */
  fail(error: TtrpcError): void;
}

/**
 * One call of a client, from the user's request to its one end: the peer's status, the deadline,
 * the user's abort, or the loss of the connection. The shapes extend it.
 *
 * Deadline and signal are watched from the constructor on, so that they cover connecting and
 * queueing too.
 */
export abstract class ClientCall<Request, Response>
  extends ClientStream
  implements AbortWatcher, QueuedCall
{
  /** The method that is called. */
  readonly method: MethodDefinition<Request, Response>;
  readonly waitForReady: boolean | undefined;
  onLeave: (() => void) | undefined;
  #metadata: Metadata | undefined;
  readonly #deadline: Deadline | undefined;
  readonly #signal: AbortSignal | undefined;
  /** @internal */
  watchSlot = 0;
  #settled = false;
  /** Waits to close the half of a call whose deadline has passed. */
  #leaving: NodeJS.Timeout | undefined;

  /** @throws RangeError or TypeError when an option is wrong */
  constructor(
    method: MethodDefinition<Request, Response>,
    options: CallOptions,
    defaultTimeoutMs: number,
  ) {
    super(METHOD_SHAPES[method.kind]);
    this.method = method;
    this.waitForReady = options.waitForReady;
    this.#metadata = options.metadata === undefined ? undefined : toMetadata(options.metadata);
    this.#deadline = callDeadline(options, defaultTimeoutMs);
    this.#signal = options.signal;
  }

  /** A message has arrived; `size` is its payload's, in bytes. */
  protected abstract deliver(message: Response, size: number): void;
  /** The call is over; `error` is absent when it ended well. Called once. */
  protected abstract settle(error: TtrpcError | undefined): void;
  /** Appends the first message to the request, if the shape has one there. */
  protected abstract writeFirst(writer: FrameWriter): void;

  /** Whether the call's end is still to come. */
  get pending(): boolean {
    return !this.#settled;
  }

  /** Begins to watch deadline and signal; the call may end in here. */
  watch(): void {
    if (this.#deadline?.passed === true) this.#expire();
    else this.#deadline?.arm(() => this.#expire());
    const signal = this.#signal;
    if (signal === undefined || !this.pending) return;
    if (signal.aborted) this.cancel(signal.reason);
    else watchAbort(signal, this);
  }

  freeze(): number {
    this.#metadata = this.#metadata?.clone();
    return metadataSize(this.#metadata);
  }

  /** @internal Writes the request. The call ends here when it can't be sent. */
  start(connection: ClientConnection): void {
    this.onLeave = undefined;
    const timeoutNano = this.#deadline?.leftNanos ?? 0;
    if (this.#deadline !== undefined && timeoutNano <= 0) return this.#expire();
    let writer: FrameWriter;
    try {
      writer = this.beginRequest(connection);
    } catch (error) {
      return this.end(asSendError(error));
    }
    try {
      writer.append(routeOf(this.method));
      this.writeFirst(writer);
      const size = writeRequestTail(writer, timeoutNano, this.#metadata?.pairs);
      const { maxMetadataBytes } = connection.options;
      if (size > maxMetadataBytes) throw tooMuchMetadata(size, maxMetadataBytes);
      this.endRequest(connection);
    } catch (error) {
      writer.abortFrame();
      this.end(asSendError(error));
    }
  }

  /** Gives the call up; nothing of it reaches the user any more but this end. */
  cancel(reason?: unknown): void {
    if (this.#settled) return;
    const status = { code: StatusCode.Cancelled, message: 'call was cancelled' };
    this.giveUp(new StatusError(status, { cause: reason }));
  }

  /** Ends the call from this side. */
  protected giveUp(error: TtrpcError): void {
    if (this.#settled) return;
    this.abandon();
    this.end(error);
  }

  /** Ends the call towards the user, once. */
  protected end(error: TtrpcError | undefined): void {
    if (this.#settled) return;
    this.#settled = true;
    this.#deadline?.disarm();
    if (this.#signal !== undefined) unwatchAbort(this.#signal, this);
    this.onLeave?.();
    if (error !== undefined) sayWritten(error, this.requestTaken);
    try {
      this.settle(error);
    } catch (thrown) {
      surface(thrown);
    }
  }

  protected override onMessage(bytes: Buffer, start: number, end: number): void {
    if (this.#settled) return;
    let message: Response;
    try {
      message = this.method.response.read(bytes, start, end);
    } catch (error) {
      return this.giveUp(internal('response message can not be parsed', error));
    }
    try {
      this.deliver(message, end - start);
    } catch (thrown) {
      surface(thrown);
    }
  }

  protected override onStatus(status: Status | undefined): void {
    this.#stopLeaving();
    this.end(status === undefined ? undefined : this.#remoteError(status));
  }

  protected override onFailure(error: TtrpcError): void {
    this.#stopLeaving();
    this.end(error.kind === 'ttrpc.protocol' ? internal('peer broke the protocol', error) : error);
  }

  #remoteError({ code, message, details }: Status): StatusError {
    const { decodeDetail } = this.method;
    const opened = details.map((detail) => {
      const decoded = decodeDetail?.(detail);
      return decoded === undefined ? detail : { ...detail, message: decoded };
    });
    return new StatusError({ code, message, details: opened }, { origin: 'remote' });
  }

  #stopLeaving(): void {
    if (this.#leaving !== undefined) clearTimeout(this.#leaving);
  }

  /**
   * Ends the call at its deadline. A half-close that reached the server before its own timer went
   * off would look to it like the end of all messages, so that comes later, for servers that keep
   * no time.
   */
  #expire(): void {
    if (this.#settled) return;
    const opened = this.sendable && !this.revocable;
    if (opened) this.#leaving = setTimeout(() => this.abandon(), LEAVE_AFTER_MS).unref();
    else this.abandon();
    const status = { code: StatusCode.DeadlineExceeded, message: 'deadline exceeded' };
    this.end(new StatusError(status));
  }
}

/** How long a server has to end a call at its deadline by itself, in milliseconds. */
const LEAVE_AFTER_MS = 1000;

/** A call with one request and one response. */
export class UnaryClientCall<Request, Response> extends ClientCall<Request, Response> {
  readonly #request: Request;
  readonly #outcome: UnaryStart<Response>;
  #frozen: Buffer | undefined;
  #response: Response | undefined;

  constructor(
    method: MethodDefinition<Request, Response>,
    request: Request,
    start: UnaryStart<Response>,
    defaultTimeoutMs: number,
  ) {
    super(method, start.options ?? NO_OPTIONS, defaultTimeoutMs);
    this.#request = request;
    this.#outcome = start;
  }

  /** @internal */
  override freeze(): number {
    this.#frozen = encodeMessage(this.method.request, this.#request);
    return super.freeze() + this.#frozen.length;
  }

  protected override writeFirst(writer: FrameWriter): void {
    const begun = beginRequestPayload(writer);
    if (this.#frozen === undefined) this.method.request.write(this.#request, writer);
    else writer.append(this.#frozen);
    endPayload(writer, begun);
  }

  protected override deliver(message: Response): void {
    this.#response = message;
  }

  protected override settle(error: TtrpcError | undefined): void {
    if (error === undefined) this.#outcome.resolve(this.#response as Response);
    else this.#outcome.reject(error);
  }
}

const NO_OPTIONS: CallOptions = Object.freeze({});

/** How a unary call is made, and who hears of its end: one of the two, once. */
export interface UnaryStart<Response> {
  /** What there is to say about the call. */
  readonly options?: CallOptions | undefined;
  /** It has ended well. */
  resolve(response: Response): void;
  /** It has failed. */
  reject(error: TtrpcError): void;
}

/** Encodes a message into bytes of its own. */
export function encodeMessage<T>(codec: PayloadCodec<T>, message: T): Buffer {
  const writer = new FrameWriter(Number.MAX_SAFE_INTEGER);
  codec.write(message, writer);
  const bytes = Buffer.from(writer.buffer.subarray(0, writer.length));
  writer.clear();
  return bytes;
}

/** What a failed write is to the caller. */
export function asSendError(error: unknown): TtrpcError {
  if (error instanceof TtrpcError) return error;
  return internal('request message can not be serialised', error);
}

/** The error for a message after the end. */
export function sentAfterEnd(): UsageError {
  return new UsageError('cannot send: this side has ended its messages');
}

/** Tells who gets the error of a call whether the peer may have seen its request. */
function sayWritten(error: { requestWritten?: boolean }, requestWritten: boolean): void {
  error.requestWritten = requestWritten;
}

function tooMuchMetadata(size: number, limit: number): StatusError {
  const message = metadataTooLarge(size, limit);
  return new StatusError({ code: StatusCode.ResourceExhausted, message });
}

function internal(what: string, cause: unknown): StatusError {
  const why = cause instanceof Error ? cause.message : String(cause);
  return new StatusError({ code: StatusCode.Internal, message: `${what}: ${why}` }, { cause });
}

const routes = new WeakMap<object, Buffer>();

/** The part of the request that is the same for every call of the method. */
function routeOf(method: { readonly service: string; readonly name: string }): Buffer {
  let route = routes.get(method);
  if (route === undefined) {
    route = encodeRoute(method.service, method.name);
    routes.set(method, route);
  }
  return route;
}
