/**
 * Sizes and bytes of protobuf varints, and the tags that are some.
 *
 * Source: protobuf.dev, "Encoding", "Base 128 Varints".
 */

/** Bytes of the longest varint: a negative or large 64-bit number. */
export const MAX_VARINT_LENGTH = 10;

const TWO_32 = 0x1_0000_0000;

/** What stands in front of a field's value: its number and how the value is laid out. */
export function tagOf(field: number, wireType: number): number {
  return (field << 3) | wireType;
}

/** Bytes that an unsigned number below 2^32 takes. */
export function varintLength(value: number): number {
  if (value < 0x80) return 1;
  if (value < 0x4000) return 2;
  if (value < 0x20_0000) return 3;
  return value < 0x1000_0000 ? 4 : 5;
}

/**
 * Lays out an unsigned number below 2^53; the caller has made room.
 *
 * @returns the position behind it
 */
export function putVarint(bytes: Buffer, at: number, value: number): number {
  let rest = value;
  let position = at;
  while (rest >= TWO_32) {
    bytes[position++] = (rest % 0x80) | 0x80;
    rest = Math.floor(rest / 0x80);
  }
  while (rest >= 0x80) {
    bytes[position++] = (rest & 0x7f) | 0x80;
    rest >>>= 7;
  }
  bytes[position++] = rest;
  return position;
}

/** Joins the halves of a signed 64-bit number; beyond 2^53 the low bits are lost. */
export function signed64(low: number, high: number): number {
  return (high | 0) * TWO_32 + (low >>> 0);
}
