import {
  type ConnectionError,
  PayloadTooLargeError,
  ProtocolError,
  type TtrpcError,
} from '../errors.js';
import { Flag, MAX_STREAM_ID, MessageType, type FrameHeader } from '../spec/frame.js';
import type { Status } from '../spec/status.js';
import type { FrameWriter } from '../wire/frame-writer.js';
import { decodeResponse, ResponseView } from '../wire/response-codec.js';
import { Connection, type ConnectionSetup } from './connection.js';
import type { StreamShape, StreamState } from './stream-state.js';
import { StreamTable } from './stream-table.js';

/** First id on a connection; the ids of a client are odd. */
const FIRST_STREAM_ID = 1;

/**
 * The role that opens streams. Ids are given at the moment of writing, so that they increase on the
 * wire; frames for streams that it does not know (cancelled, ended) are ignored.
 *
 * Source: containerd/ttrpc `client.go` (`createStream`, `receiveLoop`).
 */
export class ClientConnection extends Connection {
  protected override readonly lingers = false;
  readonly #streams = new StreamTable<ClientStream>();
  readonly #response = new ResponseView();
  #nextStreamId: number;
  #retired = false;

  constructor(setup: ConnectionSetup, firstStreamId = FIRST_STREAM_ID) {
    super(setup);
    this.#nextStreamId = firstStreamId;
  }

  /** Streams that wait for their end. */
  get openStreams(): number {
    return this.#streams.size;
  }

  /** Whether all ids are used up: what is open goes on, new calls need a new connection. */
  get exhausted(): boolean {
    return this.#nextStreamId > MAX_STREAM_ID;
  }

  /** The id that the next stream is opened with. */
  get nextStreamId(): number {
    return this.#nextStreamId;
  }

  /** The request of `stream` was written with {@link nextStreamId}. */
  adopt(stream: ClientStream): void {
    this.#streams.add(stream);
    this.#nextStreamId += 2;
  }

  /** Frames for this stream are ignored from now on. */
  forget(streamId: number): void {
    this.#streams.delete(streamId);
    this.#closeIfDone();
  }

  /** Closes the connection once the open streams have ended; no others are opened. */
  retire(): void {
    this.#retired = true;
    this.#closeIfDone();
  }

  override onFrame(header: FrameHeader, bytes: Buffer, start: number, end: number): void {
    const stream = this.#streams.get(header.streamId);
    if (stream === undefined) return;
    if (header.type === MessageType.Response) this.#onResponse(stream, bytes, start, end);
    else if (header.type === MessageType.Data) stream.receiveData(header.flags, bytes, start, end);
  }

  override onOversizedFrame(header: FrameHeader): void {
    const { length, streamId, type, flags } = header;
    this.counters.oversizedFrames++;
    const stream = this.#streams.get(streamId);
    if (stream === undefined) return;
    const error = new PayloadTooLargeError(length, this.options.maxPayloadBytes);
    if (type === MessageType.Response) stream.fail(error);
    else if (type === MessageType.Data) {
      if ((flags & Flag.RemoteClosed) !== 0) stream.fail(error);
      else stream.breakOff(error);
    }
  }

  protected override streamsLost(error: ConnectionError): void {
    for (const stream of this.#streams.drain()) {
      stream.fail(this.lostError(error, stream.requestTaken));
    }
  }

  #closeIfDone(): void {
    if (this.#retired && this.#streams.size === 0) this.close();
  }

  #onResponse(stream: ClientStream, bytes: Buffer, start: number, end: number): void {
    const view = this.#response;
    try {
      decodeResponse(bytes, start, end, view);
    } catch (error) {
      stream.fail(error as ProtocolError);
      return;
    }
    stream.receiveResponse(view, bytes);
  }
}

/**
 * One call's lane on a {@link ClientConnection}. The floor above extends it; what arrives comes
 * through `onMessage` and then exactly one of `onStatus` and `onFailure`.
 */
export abstract class ClientStream {
  readonly #shape: StreamShape;
  #connection: ClientConnection | undefined;
  /** @internal 0 until its request has been written. */
  streamId = 0;
  #state: StreamState = 'open';
  /** Where the request stands among all bytes of the connection. */
  #position = 0;

  constructor(shape: StreamShape) {
    this.#shape = shape;
  }

  /** A message of the peer: `bytes[start, end)`, valid until the call returns. */
  protected abstract onMessage(bytes: Buffer, start: number, end: number): void;
  /** The peer ended the call; `status` is absent when it ended well. */
  protected abstract onStatus(status: Status | undefined): void;
  /** The call was cut off: connection lost, or the peer broke the rules. */
  protected abstract onFailure(error: TtrpcError): void;

  /** Whether the request has been written and the peer's end has not arrived. */
  protected get active(): boolean {
    return this.#connection !== undefined && this.#state !== 'closed';
  }

  /** The connection that carries the call, once its request has been written. */
  protected get connection(): ClientConnection | undefined {
    return this.#connection;
  }

  /** Whether any byte of the request has been handed to the pipe. */
  get requestTaken(): boolean {
    const { connection } = this;
    return connection !== undefined && this.#position < connection.writer.taken;
  }

  /** Whether the request still waits to leave, and so does all that follows it. */
  protected get revocable(): boolean {
    return this.active && !this.requestTaken;
  }

  /** Begins the request frame; the envelope is appended and {@link endRequest} called. */
  protected beginRequest(connection: ClientConnection): FrameWriter {
    const { writer } = connection;
    this.#position = writer.position;
    const flags = this.#shape.requestStream
      ? Flag.RemoteOpen | Flag.NoData
      : this.#shape.responseStream
        ? Flag.RemoteClosed
        : 0;
    writer.beginFrame(connection.nextStreamId, MessageType.Request, flags);
    return writer;
  }

  /** @throws PayloadTooLargeError when the request is above the limit; nothing was sent */
  protected endRequest(connection: ClientConnection): void {
    connection.writer.endFrame();
    this.streamId = connection.nextStreamId;
    this.#connection = connection;
    if (!this.#shape.requestStream) this.#state = 'halfClosed';
    connection.adopt(this);
    connection.frameWritten();
  }

  /** Begins a data frame; the message is appended and {@link endMessage} called. */
  protected beginMessage(): FrameWriter {
    const { writer } = this.#connection as ClientConnection;
    writer.beginFrame(this.streamId, MessageType.Data, 0);
    return writer;
  }

  /** @throws PayloadTooLargeError when the message is above the limit; nothing was sent */
  protected endMessage(): void {
    const connection = this.#connection as ClientConnection;
    connection.writer.endFrame();
    connection.frameWritten();
  }

  /** Whether this side may still send: the request is out, neither half nor call has ended. */
  protected get sendable(): boolean {
    return this.#connection !== undefined && this.#state === 'open';
  }

  /** Says that no more messages follow; nothing happens when that was said or the call has ended. */
  protected halfClose(): void {
    const connection = this.#connection;
    if (connection === undefined || this.#state !== 'open') return;
    this.#state = 'halfClosed';
    const { writer } = connection;
    writer.beginFrame(this.streamId, MessageType.Data, Flag.RemoteClosed | Flag.NoData);
    writer.endFrame();
    connection.frameWritten();
  }

  /**
   * Gives the call up: a request that still waits to leave is taken back with all that follows it,
   * a half that is open is closed, and what still arrives is ignored.
   */
  protected abandon(): void {
    if (this.revocable) this.connection?.writer.revoke(this.#position, this.streamId);
    else this.halfClose();
    this.#end();
  }

  /** @internal A response frame for this stream arrived: the end of any call. */
  receiveResponse(view: ResponseView, bytes: Buffer): void {
    this.#end();
    const { status, payloadStart, payloadEnd } = view;
    // On a response stream a payload is a last message and its absence is none.
    if (status === undefined && (!this.#shape.responseStream || payloadEnd > payloadStart)) {
      this.onMessage(bytes, payloadStart, payloadEnd);
    }
    this.onStatus(status);
  }

  /** @internal A data frame for this stream arrived. */
  receiveData(flags: number, bytes: Buffer, start: number, end: number): void {
    const ended = (flags & Flag.RemoteClosed) !== 0;
    if (!this.#shape.responseStream) {
      const text = 'peer sent a data frame on a call that has one response';
      const error = new ProtocolError(text, 'stream');
      if (ended) this.fail(error);
      else this.breakOff(error);
      return;
    }
    if (ended) this.#end();
    if ((flags & Flag.NoData) === 0) this.onMessage(bytes, start, end);
    if (ended) this.onStatus(undefined);
  }

  /** @internal Cuts off a call on which the peer sends no more. */
  fail(error: TtrpcError): void {
    this.#end();
    this.onFailure(error);
  }

  /** @internal Cuts off a call on which the peer may send more. */
  breakOff(error: TtrpcError): void {
    this.abandon();
    this.onFailure(error);
  }

  #end(): void {
    this.#state = 'closed';
    this.#connection?.forget(this.streamId);
  }
}
