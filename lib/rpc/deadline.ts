import type { CallOptions } from './call.js';
import { Expiry } from './expiry-list.js';

const NANOS_PER_MS = 1e6;

/** Longest timeout that an int64 of nanoseconds can say, without its last bits: 292 years. */
const MAX_TIMEOUT_NANO = 2 ** 63 - 1024;

/** A moment by which a call is over, on the monotonic clock. */
export class Deadline extends Expiry {
  readonly #timeoutMs: number;
  #date: Date | undefined;

  /** @param timeoutMs - from now */
  constructor(timeoutMs: number) {
    super(performance.now() + timeoutMs);
    this.#timeoutMs = timeoutMs;
  }

  /** The deadline that a request brings, or `undefined` for none. */
  static ofNanos(timeoutNano: number): Deadline | undefined {
    return timeoutNano === 0 ? undefined : new Deadline(timeoutNano / NANOS_PER_MS);
  }

  /** Milliseconds left; not above 0 when it has passed. */
  get leftMs(): number {
    return this.at - performance.now();
  }

  /** Nanoseconds left, as the wire wants them: a whole number. */
  get leftNanos(): number {
    return Math.min(Math.floor(this.leftMs * NANOS_PER_MS), MAX_TIMEOUT_NANO);
  }

  /** The same moment on the calendar's clock, read once. */
  toDate(): Date {
    this.#date ??= new Date(Date.now() + this.leftMs);
    return new Date(this.#date);
  }

  /** Whether it had passed when it was made. */
  get passed(): boolean {
    return this.#timeoutMs <= 0;
  }

  /**
   * Calls `expire` at the deadline unless {@link disarm} is called before. To be called right after
   * the deadline is made: another look at the clock costs as much as the rest.
   */
  arm(expire: () => void): void {
    this.wait(this.#timeoutMs, expire);
  }
}

/**
 * The deadline of a call, or `undefined` for none.
 *
 * @param defaultTimeoutMs - for a call that names neither timeout nor deadline
 * @throws RangeError or TypeError naming the option, what it got and what is allowed
 */
export function callDeadline(options: CallOptions, defaultTimeoutMs: number): Deadline | undefined {
  const { timeoutMs, deadline } = options;
  if (timeoutMs === undefined && deadline === undefined) {
    return defaultTimeoutMs === Infinity ? undefined : new Deadline(defaultTimeoutMs);
  }
  const left = Math.min(checkedTimeout(timeoutMs), untilDeadline(deadline));
  return left === Infinity ? undefined : new Deadline(left);
}

function checkedTimeout(timeoutMs: number | undefined): number {
  if (timeoutMs === undefined) return Infinity;
  if (typeof timeoutMs === 'number' && timeoutMs > 0) return timeoutMs;
  throw new RangeError(`timeoutMs must be a number above 0, got ${show(timeoutMs)}`);
}

function untilDeadline(deadline: Date | number | undefined): number {
  if (deadline === undefined) return Infinity;
  const moment = deadline instanceof Date ? deadline.getTime() : deadline;
  if (typeof moment === 'number' && !Number.isNaN(moment)) return moment - Date.now();
  throw new TypeError(
    `deadline must be a valid Date or milliseconds since 1970, got ${show(deadline)}`,
  );
}

function show(value: unknown): string {
  if (value instanceof Date) return 'an invalid Date';
  return typeof value === 'number' ? String(value) : typeof value;
}
