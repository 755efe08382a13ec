import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';

/** What makes a Duplex carry something else than bytes; absent: it carries bytes. */
export function byteStreamFault(stream: Duplex): string | undefined {
  if (stream.readableObjectMode || stream.writableObjectMode) return 'in object mode';
  const { readableEncoding } = stream;
  if (readableEncoding === null) return undefined;
  return `that decodes to text (setEncoding "${readableEncoding}")`;
}

/**
 * A Readable gives Buffers; a Duplex that emits `data` by hand may give anything.
 *
 * @throws TypeError when it is no bytes
 */
export function toBuffer(chunk: unknown): Buffer {
  if (Buffer.isBuffer(chunk)) return chunk;
  if (typeof chunk === 'string') return Buffer.from(chunk);
  if (chunk instanceof Uint8Array) {
    return Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
  }
  throw new TypeError(`the Duplex must carry bytes, got a chunk of type ${typeof chunk}`);
}

/** Marks a Duplex of which {@link consumesWrites} is true though it is no socket. */
export const CONSUMES_WRITES: unique symbol = Symbol('nestjs-ttrpc consumes writes');

/**
 * Whether nobody reads the memory of a write any more once that write has ended: the system has the
 * bytes, or a copy of them was made. A Duplex in memory passes on the very bytes.
 */
export function consumesWrites(stream: Duplex): boolean {
  return stream instanceof Socket || CONSUMES_WRITES in stream;
}
