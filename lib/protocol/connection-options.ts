import { MAX_PAYLOAD_LENGTH } from '../spec/frame.js';

/** The bounds of one connection. Each has a default and none can be turned off. */
export interface ConnectionOptions {
  /**
   * Largest payload accepted or sent, in bytes.
   * @defaultValue 4 MiB, the protocol's own limit: the reference peers refuse more
   */
  readonly maxPayloadBytes?: number | undefined;

  /**
   * Largest payload sent, in bytes; absent: as `maxPayloadBytes`.
   */
  readonly maxSendPayloadBytes?: number | undefined;

  /**
   * Streams that the peer may keep open at once; the next one is answered RESOURCE_EXHAUSTED.
   * @defaultValue 16384
   */
  readonly maxOpenStreams?: number | undefined;

  /**
   * Bytes that may wait for a peer that does not read. Above it a call that sends more ends with
   * RESOURCE_EXHAUSTED. A server ends the connection when its statuses pile up, too: above 256 bytes
   * more for each of `maxOpenStreams`.
   * @defaultValue 64 MiB, sixteen messages of the largest size
   */
  readonly maxSendBufferBytes?: number | undefined;

  /**
   * Bytes received on one stream that its consumer has not taken yet, above which the connection
   * stops reading. A message counts its payload and 128 bytes for the object it becomes.
   * @defaultValue 1 MiB
   */
  readonly maxStreamBufferBytes?: number | undefined;

  /**
   * Bytes received on a connection that its calls keep, all together, above which it stops reading.
   * It holds for messages that nobody has taken yet, and on a server by itself for the requests and
   * metadata of calls that are not answered yet. They count as for `maxStreamBufferBytes`.
   * @defaultValue 64 MiB, sixteen requests of the largest size; raise it with `maxPayloadBytes`
   */
  readonly maxReceiveBufferBytes?: number | undefined;

  /**
   * Metadata of one request, accepted or sent, in bytes: its encoded pairs and 32 for each, so that
   * it bounds their number, too. A request with more ends with RESOURCE_EXHAUSTED.
   * @defaultValue 64 KiB, at most 2048 pairs
   */
  readonly maxMetadataBytes?: number | undefined;

  /**
   * How long one stalled stream, or too much that is kept by all, may keep the connection from
   * reading, in milliseconds. Then that stream, or those that leave most untaken, fail with
   * RESOURCE_EXHAUSTED; if it is requests of running calls, those go on and new calls are refused
   * with RESOURCE_EXHAUSTED until enough are answered.
   * @defaultValue 2000, as long as the reference waits
   */
  readonly stallTimeoutMs?: number | undefined;
}

/** What the code reads: complete, checked, frozen. */
export type ResolvedConnectionOptions = {
  readonly [Option in keyof ConnectionOptions]-?: number;
};

export const CONNECTION_DEFAULTS: ResolvedConnectionOptions = Object.freeze({
  maxPayloadBytes: MAX_PAYLOAD_LENGTH,
  maxSendPayloadBytes: MAX_PAYLOAD_LENGTH,
  maxOpenStreams: 16_384,
  maxSendBufferBytes: 64 * 1024 * 1024,
  maxStreamBufferBytes: 1024 * 1024,
  maxReceiveBufferBytes: 64 * 1024 * 1024,
  maxMetadataBytes: 64 * 1024,
  stallTimeoutMs: 2000,
});

/** Longest timer of the event loop, in milliseconds. */
export const MAX_TIMER_MS = 2 ** 31 - 1;

/** A limit below this would not let an error through, in bytes. */
const MIN_PAYLOAD_LIMIT = 1024;

const RANGES: Record<keyof ConnectionOptions, readonly [min: number, max: number]> = {
  maxPayloadBytes: [MIN_PAYLOAD_LIMIT, 2 ** 31 - 1],
  maxSendPayloadBytes: [MIN_PAYLOAD_LIMIT, 2 ** 31 - 1],
  maxOpenStreams: [1, 2 ** 31 - 1],
  maxSendBufferBytes: [1, Number.MAX_SAFE_INTEGER],
  maxStreamBufferBytes: [1, Number.MAX_SAFE_INTEGER],
  maxReceiveBufferBytes: [1, Number.MAX_SAFE_INTEGER],
  maxMetadataBytes: [0, 2 ** 31 - 1],
  stallTimeoutMs: [1, MAX_TIMER_MS],
};

/**
 * Fills in defaults and refuses nonsense, once, at the edge.
 *
 * @throws RangeError naming the option, the value and the range
 */
export function resolveConnectionOptions(given: ConnectionOptions = {}): ResolvedConnectionOptions {
  const resolved: Record<string, number> = {};
  const { maxPayloadBytes = CONNECTION_DEFAULTS.maxPayloadBytes } = given;
  const defaults = { ...CONNECTION_DEFAULTS, maxSendPayloadBytes: maxPayloadBytes };
  for (const option of Object.keys(RANGES) as (keyof ConnectionOptions)[]) {
    const [min, max] = RANGES[option];
    resolved[option] = withinRange(option, given[option] ?? defaults[option], min, max);
  }
  return Object.freeze(resolved) as ResolvedConnectionOptions;
}

/**
 * Checks a whole number.
 *
 * @throws RangeError naming the option, the value and the range
 */
export function withinRange(option: string, value: unknown, min: number, max: number): number {
  if (typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max) {
    return value;
  }
  const got = typeof value === 'number' ? String(value) : `${typeof value} ${String(value)}`;
  throw new RangeError(`${option} must be a whole number from ${min} to ${max}, got ${got}`);
}
