/** A `google.protobuf.Timestamp`. Its seconds are whatever the loader makes of 64-bit integers. */
export interface ProtoTimestamp {
  /** Seconds since 1970; less before. */
  readonly seconds?: number | bigint | string | object | null | undefined;
  /** What is left of a second, in nanoseconds. */
  readonly nanos?: number | null | undefined;
}

/** The first second of the year 1: what a time that Go never set is on the wire. */
const GO_ZERO_SECONDS = -62_135_596_800;

/**
 * The time of a timestamp, to the millisecond. One that Go never set, such as when a task exited
 * that still runs, is none; neither is one that was not sent.
 */
export function fromTimestamp(timestamp: ProtoTimestamp | null | undefined): Date | undefined {
  if (timestamp === null || timestamp === undefined) return undefined;
  const seconds = Number(timestamp.seconds ?? 0);
  if (seconds === GO_ZERO_SECONDS) return undefined;
  return new Date(seconds * 1000 + Math.floor((timestamp.nanos ?? 0) / 1_000_000));
}

/** The timestamp of a time; without one, that of now. */
export function toTimestamp(time: Date = new Date()): Required<ProtoTimestamp> {
  const milliseconds = time.getTime();
  const seconds = Math.floor(milliseconds / 1000);
  return { seconds, nanos: (milliseconds - seconds * 1000) * 1_000_000 };
}
