import { Buffer } from 'node:buffer';
import protobuf from 'protobufjs';

const NOTHING = Buffer.alloc(0);

/** Least bytes of a field that is worth a view instead of a copy. */
const LARGE_FIELD = 4096;

/** Bytes that a loop copies faster than a call does: `copy` makes a view of them first. */
const SHORT_FIELD = 32;

/**
 * Reads messages out of a chunk: what a message keeps of it is copied, since a view would keep the
 * whole chunk alive; but for a large field that is at least half of that memory.
 *
 * protobufjs hands out every `bytes` field as a view.
 */
class CopyingReader extends protobuf.BufferReader {
  constructor() {
    super(NOTHING);
    // Version 8 can keep unknown fields; plain objects have no place for them.
    this.discardUnknown = true;
    this.release();
  }

  /** Points the reader at `bytes[start, end)`. */
  aim(bytes: Buffer, start: number, end: number): void {
    this.buf = bytes;
    this.pos = start;
    this.len = end;
  }

  /** Forgets the chunk. */
  release(): void {
    this.buf = NOTHING;
    // Version 8 caches a view of the chunk for packed fields.
    this.view = null;
  }

  override bytes(): Buffer {
    const length = this.uint32();
    const start = this.pos;
    this.skip(length);
    return this.raw(start, this.pos);
  }

  /** Version 7 takes a string that is cut for a shorter one. */
  override string(): string {
    const length = this.uint32();
    const start = this.pos;
    this.skip(length);
    return (this.buf as Buffer).toString('utf8', start, this.pos);
  }

  /** How versions 8 take bytes of the chunk. */
  override raw(start: number, end: number): Buffer {
    const chunk = this.buf as Buffer;
    const length = end - start;
    if (length >= LARGE_FIELD && 2 * length >= chunk.buffer.byteLength) {
      return chunk.subarray(start, end);
    }
    const copy = Buffer.allocUnsafe(length);
    if (length > SHORT_FIELD) chunk.copy(copy, 0, start, end);
    else for (let at = 0; at < length; at++) copy[at] = chunk[start + at] as number;
    return copy;
  }
}

/** The reader that is not in use; a decoder that is entered again makes its own. */
let idle: CopyingReader | undefined = new CopyingReader();

/**
 * Decodes the message of `type` in `bytes[start, end)`, copying what it keeps.
 *
 * @throws Error when the bytes are not a message of that type
 */
export function readMessage(
  type: protobuf.Type,
  bytes: Buffer,
  start: number,
  end: number,
): protobuf.Message {
  const reader = idle ?? new CopyingReader();
  idle = undefined;
  reader.aim(bytes, start, end);
  try {
    const message = type.decode(reader);
    // Version 7 reads a truncated 64-bit varint beyond its end without a word.
    if (reader.pos !== end) throw new RangeError(`message ends at ${reader.pos}, not at ${end}`);
    return message;
  } finally {
    reader.release();
    idle = reader;
  }
}
