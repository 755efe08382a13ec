/**
 * Where an encoded message goes: straight into the bytes that leave next.
 *
 * A codec appends from `length` on and moves `length` behind what it wrote. When `buffer` is too
 * small it may put a larger one in its place, with the first `length` bytes copied over.
 */
export interface PayloadTarget {
  /** Where the bytes go. */
  buffer: Buffer;
  /** How many are written, in bytes. */
  length: number;
  /** Appends a copy of `bytes`. */
  append(bytes: Uint8Array): void;
}

/**
 * How messages of one type become payload bytes and back. {@link payloadCodec} makes one from a
 * pair of functions; implement it directly to encode without an intermediate buffer.
 */
export interface PayloadCodec<T = unknown> {
  /** Appends `message`. Whatever was appended before it throws is taken back by the caller. */
  write(message: T, target: PayloadTarget): void;
  /**
   * Reads the message in `bytes[start, end)`. They don't change later, but a view of them keeps all
   * of their memory alive: what is small is copied.
   */
  read(bytes: Buffer, start: number, end: number): T;
}

/** The functions that generated code offers. */
export interface PayloadFunctions<T> {
  /** A message's bytes. What it throws fails the call. */
  encode(message: T): Uint8Array;
  /** The message of some bytes, which it may keep. What it throws fails the call. */
  decode(bytes: Buffer): T;
}

/**
 * Makes a codec of generated code's functions.
 *
 * @example
 * ```ts
 * payloadCodec<Hero>({ encode: (m) => Hero.encode(m).finish(), decode: (b) => Hero.decode(b) });
 * ```
 */
export function payloadCodec<T>(functions: PayloadFunctions<T>): PayloadCodec<T> {
  return {
    write(message, target) {
      // A handler that returns nothing answers with the empty message.
      if (message !== undefined && message !== null) target.append(functions.encode(message));
    },
    // Copied, since generated code may keep views of what it reads.
    read: (bytes, start, end) => functions.decode(Buffer.from(bytes.subarray(start, end))),
  };
}
