import { ProtocolError } from '../errors.js';
import { FIRST_BYTE_LIMIT, HEADER_LENGTH, type FrameHeader } from '../spec/frame.js';

/** Receives what a {@link FrameDecoder} finds, in wire order. */
export interface FrameHandler {
  /**
   * A whole frame, whose payload is `bytes[start, end)`. `header` is only valid until the
   * call returns; `bytes` don't change later, but a view of them keeps all of their memory alive.
   */
  onFrame(header: Readonly<FrameHeader>, bytes: Buffer, start: number, end: number): void;
  /** A frame above the limit; its payload is skipped, the stream of bytes goes on. */
  onOversizedFrame(header: Readonly<FrameHeader>): void;
}

/**
 * Cuts a stream of bytes into frames.
 *
 * Synchronous and free of I/O: every frame that a chunk completes reaches the handler before
 * {@link FrameDecoder.push} returns. Whatever the peer sends, at most one header and one payload
 * within the limit are held. A handler that throws ends the decoder: the rest of that chunk is lost.
 *
 * Source: containerd/ttrpc `channel.go` (`recv`).
 */
export class FrameDecoder {
  readonly #handler: FrameHandler;
  readonly #maxPayloadBytes: number;
  /** A header that came in several chunks; made when there is one. */
  #partialHeader: Buffer | undefined;
  readonly #header: FrameHeader = { length: 0, streamId: 0, type: 0, flags: 0 };
  /** The payload being collected from several chunks, or `undefined` between frames. */
  #payload: Buffer | undefined;
  /** Bytes of the header or of the payload that are here. */
  #filled = 0;
  #toSkip = 0;
  #stopped = false;

  constructor(handler: FrameHandler, maxPayloadBytes: number) {
    this.#handler = handler;
    this.#maxPayloadBytes = maxPayloadBytes;
  }

  /**
   * Takes the next chunk, of any length.
   *
   * @throws ProtocolError with scope `connection` when a header can't be one of a ttrpc peer
   */
  push(chunk: Buffer): void {
    let at = 0;
    while (at < chunk.length && !this.#stopped) {
      if (this.#payload !== undefined) at = this.#collect(this.#payload, chunk, at);
      else if (this.#toSkip > 0) at = this.#skip(chunk, at);
      else if (this.#filled === 0 && chunk.length - at >= HEADER_LENGTH) {
        at = this.#begin(chunk, at, chunk, at + HEADER_LENGTH);
      } else at = this.#collectHeader(chunk, at);
    }
  }

  /** Drops whatever comes from now on, the rest of a chunk being pushed included. */
  stop(): void {
    this.#stopped = true;
    this.#payload = undefined;
  }

  /** Reads the header at `from[fromAt]` and takes its payload from `chunk[at]` on. */
  #begin(from: Buffer, fromAt: number, chunk: Buffer, at: number): number {
    const header = this.#header;
    header.length = readUint32(from, fromAt);
    header.streamId = readUint32(from, fromAt + 4);
    header.type = from[fromAt + 8] as number;
    header.flags = from[fromAt + 9] as number;
    if (header.length > this.#maxPayloadBytes) return this.#refuse(at);
    const end = at + header.length;
    if (end <= chunk.length) {
      this.#handler.onFrame(header, chunk, at, end);
      return end;
    }
    // Unsafe is safe here: every byte is written before the handler sees any.
    this.#payload = Buffer.allocUnsafe(header.length);
    return at;
  }

  #refuse(at: number): number {
    const { length } = this.#header;
    if (length >= FIRST_BYTE_LIMIT && this.#maxPayloadBytes < FIRST_BYTE_LIMIT) {
      throw new ProtocolError(
        `frame length ${length} can't be a ttrpc peer's; allowed are ${this.#maxPayloadBytes} bytes`,
        'connection',
      );
    }
    this.#toSkip = length;
    this.#handler.onOversizedFrame(this.#header);
    return at;
  }

  #collectHeader(chunk: Buffer, at: number): number {
    const partial = (this.#partialHeader ??= Buffer.alloc(HEADER_LENGTH));
    const end = this.#fill(partial, chunk, at);
    if (this.#filled < HEADER_LENGTH) return end;
    this.#filled = 0;
    return this.#begin(partial, 0, chunk, end);
  }

  #collect(payload: Buffer, chunk: Buffer, at: number): number {
    const end = this.#fill(payload, chunk, at);
    if (this.#filled < payload.length) return end;
    // State first, callback last: the handler may throw or stop the decoder.
    this.#payload = undefined;
    this.#filled = 0;
    this.#handler.onFrame(this.#header, payload, 0, payload.length);
    return end;
  }

  #fill(target: Buffer, chunk: Buffer, at: number): number {
    const end = Math.min(chunk.length, at + target.length - this.#filled);
    this.#filled += chunk.copy(target, this.#filled, at, end);
    return end;
  }

  #skip(chunk: Buffer, at: number): number {
    const end = Math.min(chunk.length, at + this.#toSkip);
    this.#toSkip -= end - at;
    return end;
  }
}

// By shifts: a third faster than Buffer.readUInt32BE, and `>>> 0` keeps it unsigned.
function readUint32(bytes: Buffer, at: number): number {
  return (
    (((bytes[at] as number) << 24) |
      ((bytes[at + 1] as number) << 16) |
      ((bytes[at + 2] as number) << 8) |
      (bytes[at + 3] as number)) >>>
    0
  );
}
