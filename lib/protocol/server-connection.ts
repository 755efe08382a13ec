import {
  type ConnectionError,
  PayloadTooLargeError,
  ProtocolError,
  type TtrpcError,
} from '../errors.js';
import { Flag, MessageType, type FrameHeader } from '../spec/frame.js';
import { StatusCode, type Status } from '../spec/status.js';
import type { FrameWriter } from '../wire/frame-writer.js';
import { decodeRequest, metadataTooLarge, RequestView } from '../wire/request-codec.js';
import { writeStatus } from '../wire/response-codec.js';
import { Connection, type ConnectionSetup } from './connection.js';
import type { StreamShape, StreamState } from './stream-state.js';
import { StreamTable } from './stream-table.js';

/** Takes the requests of a connection. */
export interface RequestHandler {
  /**
   * A new stream. `view` is only valid until the call returns. The handler answers with
   * {@link ServerConnection.reject} or constructs a {@link ServerStream}.
   */
  onRequest(connection: ServerConnection, streamId: number, flags: number, view: RequestView): void;
}

const EVEN_ID = 'StreamID must be odd for client initiated streams';
const OLD_ID = 'StreamID cannot be re-used and must increment';
const INACTIVE = 'StreamID is no longer active';
/** What a status without details takes, in bytes. */
const STATUS_LENGTH = 256;
const ONE_REQUEST = 'data frame on a call that has one request';

/**
 * The role that answers. Whatever a peer sends, the answer is a response frame on the offending
 * stream and the connection goes on; the wording is the reference's.
 *
 * Source: containerd/ttrpc `server.go` (`run`).
 */
export class ServerConnection extends Connection {
  /** Whoever has had an answer on its way shall get it. */
  protected override readonly lingers = true;
  readonly #handler: RequestHandler;
  readonly #streams = new StreamTable<ServerStream>();
  readonly #request = new RequestView();
  #lastStreamId = 0;
  #draining = false;

  constructor(setup: ConnectionSetup, handler: RequestHandler) {
    super(setup);
    this.#handler = handler;
  }

  /** Id of the latest stream; 0 before the first. */
  get lastStreamId(): number {
    return this.#lastStreamId;
  }

  /** Streams that wait for this side's end. */
  get openStreams(): number {
    return this.#streams.size;
  }

  /** Refuses new streams and closes the connection once the open ones have ended. */
  drain(): void {
    this.#draining = true;
    this.#closeIfDrained();
  }

  /** Ends the stream with `status`, whether it was opened or not. */
  reject(streamId: number, status: Status): void {
    const { writer } = this;
    writer.beginFrame(streamId, MessageType.Response, 0);
    writeStatus(writer, status);
    writer.endFrame();
    this.#responseWritten();
  }

  #responseWritten(): void {
    // Behind the last answer there is none to wait for.
    this.frameWritten(this.#streams.size === 0);
    // Not even short statuses are read: such a peer is let go.
    if (this.congested && this.writer.pending > this.#patience) this.destroy('stalled');
  }

  /** Bytes that may wait for the peer: messages, and behind them a status for each open stream. */
  get #patience(): number {
    const { maxSendBufferBytes, maxOpenStreams } = this.options;
    return maxSendBufferBytes + maxOpenStreams * STATUS_LENGTH;
  }

  /** @internal */
  adopt(stream: ServerStream): void {
    this.#streams.add(stream);
  }

  /** @internal The stream's final frame was written. */
  finish(streamId: number): void {
    this.#streams.delete(streamId);
    this.#responseWritten();
    this.#closeIfDrained();
  }

  override onFrame(header: FrameHeader, bytes: Buffer, start: number, end: number): void {
    const { streamId, type } = header;
    if (streamId % 2 === 0) this.#refuse(streamId, violation(EVEN_ID));
    else if (type === MessageType.Request) this.#onRequest(header, bytes, start, end);
    else if (type === MessageType.Data) this.#onData(header, bytes, start, end);
  }

  override onOversizedFrame(header: FrameHeader): void {
    this.counters.oversizedFrames++;
    const error = new PayloadTooLargeError(header.length, this.options.maxPayloadBytes);
    this.#refuse(header.streamId, error);
  }

  protected override streamsLost(error: ConnectionError): void {
    for (const stream of this.#streams.drain()) stream.cutOff(error);
  }

  #onRequest(header: FrameHeader, bytes: Buffer, start: number, end: number): void {
    const { streamId, flags } = header;
    if (streamId <= this.#lastStreamId) return this.#refuse(streamId, violation(OLD_ID));
    this.#lastStreamId = streamId;
    const refusal = this.#refusal();
    if (refusal !== undefined) return this.reject(streamId, refusal);
    const view = this.#request;
    try {
      decodeRequest(bytes, start, end, view);
    } catch (error) {
      return this.#refuse(streamId, error as ProtocolError);
    }
    if (view.metadataBytes > this.options.maxMetadataBytes) this.#refuseMetadata(streamId, view);
    else this.#handler.onRequest(this, streamId, flags, view);
    view.release();
  }

  #refusal(): Status | undefined {
    const { maxOpenStreams } = this.options;
    if (this.#streams.size >= maxOpenStreams) {
      this.counters.refusedStreams++;
      return statusOf(
        StatusCode.ResourceExhausted,
        `too many open streams: the limit is ${maxOpenStreams} on a connection`,
      );
    }
    return this.#draining ? statusOf(StatusCode.Unavailable, 'server is shutting down') : undefined;
  }

  #refuseMetadata(streamId: number, { metadataBytes }: RequestView): void {
    this.counters.oversizedMetadata++;
    const text = metadataTooLarge(metadataBytes, this.options.maxMetadataBytes);
    this.reject(streamId, statusOf(StatusCode.ResourceExhausted, text));
  }

  #onData(header: FrameHeader, bytes: Buffer, start: number, end: number): void {
    const stream = this.#streams.get(header.streamId);
    if (stream === undefined) return this.#refuse(header.streamId, violation(INACTIVE));
    const wrong = stream.receiveData(header.flags, bytes, start, end);
    if (wrong !== undefined) this.#refuse(header.streamId, violation(wrong));
  }

  /** Answers a broken rule; if the stream is open, that is its end. */
  #refuse(streamId: number, error: TtrpcError): void {
    const stream = this.#streams.get(streamId);
    this.#streams.delete(streamId);
    stream?.cutOff(error);
    this.reject(streamId, { code: error.code, message: error.details, details: [] });
    if (stream !== undefined) this.#closeIfDrained();
  }

  #closeIfDrained(): void {
    if (!this.#draining || this.#streams.size > 0) return;
    // The last response may be waiting for the peer; `close` would not.
    this.flush();
    if (this.congested) this.waitForDrain({ onDrain: () => this.#closeIfDrained() });
    else this.close();
  }
}

function statusOf(code: StatusCode, message: string): Status {
  return { code, message, details: [] };
}

function violation(text: string): ProtocolError {
  return new ProtocolError(text, 'stream');
}

/**
 * One call's lane on a {@link ServerConnection}. The floor above extends it: messages arrive
 * through `onMessage`, the client's half-close through `onHalfClosed`; `onCutOff` says that the
 * caller is gone. The stream ends with one response, status or end; what is sent later is dropped.
 */
export abstract class ServerStream {
  /** @internal */
  readonly connection: ServerConnection;
  /** @internal */
  readonly streamId: number;
  readonly #shape: StreamShape;
  #state: StreamState;

  /** @param halfClosed - the caller has nothing more to send */
  constructor(
    connection: ServerConnection,
    streamId: number,
    shape: StreamShape,
    halfClosed: boolean,
  ) {
    this.connection = connection;
    this.streamId = streamId;
    this.#shape = shape;
    this.#state = halfClosed ? 'halfClosed' : 'open';
    connection.adopt(this);
  }

  /** A message of the caller: `bytes[start, end)`, valid until the call returns. */
  protected abstract onMessage(bytes: Buffer, start: number, end: number): void;
  /** The caller sends no more. */
  protected abstract onHalfClosed(): void;
  /** The caller is gone, or broke the rules; nothing can be answered any more. */
  protected abstract onCutOff(error: TtrpcError): void;

  /** Whether the caller may send more. */
  get halfClosed(): boolean {
    return this.#state !== 'open';
  }

  /** Whether the call's end is still to be sent. */
  get active(): boolean {
    return this.#state !== 'closed';
  }

  /** Begins the one response; the envelope is appended and {@link endResponse} called. */
  protected beginResponse(): FrameWriter {
    const { writer } = this.connection;
    writer.beginFrame(this.streamId, MessageType.Response, 0);
    return writer;
  }

  /** @throws PayloadTooLargeError when it is above the limit; nothing was sent, the call goes on */
  protected endResponse(): void {
    this.connection.writer.endFrame();
    this.#finish();
  }

  /** Begins a data frame; the message is appended and {@link endMessage} called. */
  protected beginMessage(): FrameWriter {
    const { writer } = this.connection;
    writer.beginFrame(this.streamId, MessageType.Data, 0);
    return writer;
  }

  /** @throws PayloadTooLargeError when it is above the limit; nothing was sent, the call goes on */
  protected endMessage(): void {
    this.connection.writer.endFrame();
    this.connection.frameWritten();
  }

  /** Ends a stream of messages well. */
  protected sendEnd(): void {
    const { writer } = this.connection;
    writer.beginFrame(this.streamId, MessageType.Data, Flag.RemoteClosed | Flag.NoData);
    writer.endFrame();
    this.#finish();
  }

  /** @throws PayloadTooLargeError when it is above the limit; nothing was sent, the call goes on */
  protected sendStatus(status: Status): void {
    writeStatus(this.beginResponse(), status);
    this.endResponse();
  }

  /** @internal A data frame arrived; returns what is wrong with it, if anything. */
  receiveData(flags: number, bytes: Buffer, start: number, end: number): string | undefined {
    const { requestStream, responseStream } = this.#shape;
    const empty = (flags & Flag.NoData) !== 0;
    // The half of a call that streams only answers was closed by its request; saying so again is
    // no harm. The reference does not survive any data frame on a unary call.
    if (!requestStream && !(empty && responseStream)) return ONE_REQUEST;
    if (!empty) {
      if (this.#state !== 'open') return 'stream is half-closed';
      this.onMessage(bytes, start, end);
    }
    if ((flags & Flag.RemoteClosed) !== 0 && this.#state === 'open') {
      this.#state = 'halfClosed';
      this.onHalfClosed();
    }
    return undefined;
  }

  /** @internal */
  cutOff(error: TtrpcError): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.onCutOff(error);
  }

  #finish(): void {
    this.#state = 'closed';
    this.connection.finish(this.streamId);
  }
}
