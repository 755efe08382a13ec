/**
 * Facts of the ttrpc frame, as constants and types; no behaviour.
 *
 * Source: containerd/ttrpc `PROTOCOL.md`, "Message Frame", "Message Types" and "Flags"; `channel.go`.
 */

/** Bytes before every payload: length (4), stream id (4), type (1), flags (1); integers are big-endian. */
export const HEADER_LENGTH = 10;

/** Largest payload the protocol allows by default, in bytes (4 MiB). */
export const MAX_PAYLOAD_LENGTH = 4 * 1024 * 1024;

/**
 * A payload limit below this leaves the first length byte of every valid frame zero, in bytes (16 MiB).
 * Another first byte then means that the peer speaks something else.
 */
export const FIRST_BYTE_LIMIT = 1 << 24;

/** Largest stream id, unsigned 32 bits. */
export const MAX_STREAM_ID = 0xffff_ffff;

/** What a frame does to its stream. Any other type is ignored, for forward compatibility. */
export const MessageType = { Request: 1, Response: 2, Data: 3 } as const;

/** A type that means nothing, so that every peer ignores the frame. */
export const VOID_TYPE = 0;

/** Where the stream id stands in a header. */
export const STREAM_ID_OFFSET = 4;

/** Where the type stands in a header. */
export const TYPE_OFFSET = 8;

/** Bits of the flags byte, named from the receiver's point of view. */
export const Flag = { RemoteClosed: 1, RemoteOpen: 2, NoData: 4 } as const;

/** The fields before a payload. */
export interface FrameHeader {
  /** Payload bytes that follow; unsigned 32 bits. */
  length: number;
  /** Stream the frame belongs to; odd when the client opened it; unsigned 32 bits. */
  streamId: number;
  /** One of {@link MessageType}, or a number from the future. */
  type: number;
  /** Bit set of {@link Flag}. */
  flags: number;
}
