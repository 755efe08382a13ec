import { ProtocolError } from '../errors.js';
import { HEADER_LENGTH, MAX_PAYLOAD_LENGTH } from '../spec/frame.js';

/*
 * A frame of NRI's multiplexer: connection id and length of what follows, both unsigned 32 bits,
 * big-endian. Nothing says that a connection begins or ends.
 *
 * Source: containerd/nri `pkg/net/multiplex/mux.go` and `ttrpc.go`.
 */

/** Bytes before what a frame carries. */
const MUX_HEADER_LENGTH = 8;

/** Most bytes that a frame carries: one ttrpc message of the largest size. */
export const MAX_MUX_PAYLOAD = HEADER_LENGTH + MAX_PAYLOAD_LENGTH;

/** The id that belongs to no connection. */
const RESERVED_CONNECTION = 0;

/** Largest connection id. */
export const MAX_CONNECTION = 0xffff_ffff;

/**
 * Most bytes of a ttrpc message's first frame. The reference reads a message's header through a
 * buffer of this size, and gives the connection up on a frame that does not fit.
 */
export const MAX_FIRST_FRAME = 4096;

/** Bytes in front of a ttrpc message that tell its length. */
const LENGTH_FIELD = 4;

/** Told of what comes in, before {@link MuxFrameReader.receive} returns. */
export interface MuxFrameHandler {
  /** A frame begins, whose bytes come next. */
  onFrame(connection: number, length: number): void;
  /** Some of the frame's bytes, never none; a view of the chunk that was received. */
  onBytes(bytes: Buffer): void;
}

/** Cuts what comes in into frames, however it is cut itself. It keeps at most a frame's header. */
export class MuxFrameReader {
  readonly #handler: MuxFrameHandler;
  readonly #header = Buffer.alloc(MUX_HEADER_LENGTH);
  /** Bytes of the next frame's header that are there. */
  #headerLength = 0;
  /** Bytes of the frame that are to come. */
  #left = 0;

  constructor(handler: MuxFrameHandler) {
    this.#handler = handler;
  }

  /** Whether nothing of a frame is missing. */
  get betweenFrames(): boolean {
    return this.#headerLength === 0 && this.#left === 0;
  }

  /** @throws ProtocolError with scope `connection` when it is no multiplexer that writes this */
  receive(chunk: Buffer): void {
    let at = 0;
    while (at < chunk.length) at = this.#left > 0 ? this.#pass(chunk, at) : this.#begin(chunk, at);
  }

  #pass(chunk: Buffer, at: number): number {
    const end = Math.min(at + this.#left, chunk.length);
    this.#left -= end - at;
    this.#handler.onBytes(chunk.subarray(at, end));
    return end;
  }

  #begin(chunk: Buffer, at: number): number {
    const end = Math.min(at + MUX_HEADER_LENGTH - this.#headerLength, chunk.length);
    chunk.copy(this.#header, this.#headerLength, at, end);
    this.#headerLength += end - at;
    if (this.#headerLength < MUX_HEADER_LENGTH) return end;
    this.#headerLength = 0;
    const connection = this.#header.readUInt32BE(0);
    const length = this.#header.readUInt32BE(4);
    if (connection === RESERVED_CONNECTION) {
      throw new ProtocolError('mux frame for connection 0, which is reserved', 'connection');
    }
    if (length > MAX_MUX_PAYLOAD) {
      const text = `mux frame of ${length} bytes for connection ${connection}, at most ${MAX_MUX_PAYLOAD} are allowed`;
      throw new ProtocolError(text, 'connection');
    }
    this.#left = length;
    this.#handler.onFrame(connection, length);
    return end;
  }
}

/**
 * Says where to cut the ttrpc messages of one connection into frames: each message is a first frame
 * of at most {@link MAX_FIRST_FRAME} bytes and one with the rest.
 */
export class MessageCutter {
  /** Bytes of the current message that are behind. */
  #at = 0;
  /** Its payload's length, as far as its digits are known. */
  #payloadLength = 0;

  /** Where the frame ends that begins at `from`, which is before the chunk's end. */
  next(chunk: Buffer, from: number): number {
    const known = Math.min(this.#at + chunk.length - from, LENGTH_FIELD);
    for (let at = this.#at; at < known; at++) {
      this.#payloadLength = this.#payloadLength * 256 + (chunk[from + at - this.#at] as number);
    }
    const end = known < LENGTH_FIELD ? LENGTH_FIELD : HEADER_LENGTH + this.#payloadLength;
    const cut = this.#at < MAX_FIRST_FRAME ? Math.min(end, MAX_FIRST_FRAME) : end;
    const length = Math.min(cut - this.#at, chunk.length - from, MAX_MUX_PAYLOAD);
    this.#at += length;
    if (this.#at === end) {
      this.#at = 0;
      this.#payloadLength = 0;
    }
    return from + length;
  }
}

/**
 * Puts the bytes of one connection into frames.
 *
 * @param cutter - of this connection
 * @param chunk - never empty
 * @param maxCopied - frames of more bytes than this are passed on as they are, without a copy
 * @returns what to write, in order
 */
export function muxFrames(
  connection: number,
  cutter: MessageCutter,
  chunk: Buffer,
  maxCopied: number,
): Buffer[] {
  const ends: number[] = [];
  let size = 0;
  for (let at = 0; at < chunk.length;) {
    const end = cutter.next(chunk, at);
    size += MUX_HEADER_LENGTH + (end - at > maxCopied ? 0 : end - at);
    ends.push(end);
    at = end;
  }
  const copy = Buffer.allocUnsafe(size);
  const buffers: Buffer[] = [];
  let copied = 0;
  let given = 0;
  let from = 0;
  for (const end of ends) {
    copy.writeUInt32BE(connection, copied);
    copy.writeUInt32BE(end - from, copied + 4);
    copied += MUX_HEADER_LENGTH;
    if (end - from > maxCopied) {
      buffers.push(copy.subarray(given, copied), chunk.subarray(from, end));
      given = copied;
    } else {
      copied += chunk.copy(copy, copied, from, end);
    }
    from = end;
  }
  if (given < copied) buffers.push(copy.subarray(given, copied));
  return buffers;
}
