import { MAX_TIMER_MS } from '../protocol/connection-options.js';

/**
 * How long to leave an address alone that could not be connected to. After the n-th failure in a row
 * it is `initialMs * factor ** (n - 1)`, at most `maxMs`, give or take the jitter.
 *
 * Source: grpc `connection-backoff.md`. Its second at first and two minutes at last are those of a
 * network; a socket of this machine answers or refuses within microseconds, and a restart is over
 * within seconds.
 */
export interface ReconnectOptions {
  /**
   * After the first failure, in milliseconds.
   * @defaultValue 100: a human does not notice, and ten attempts in a second are no load
   */
  readonly initialMs?: number | undefined;
  /**
   * At most, before the jitter, in milliseconds.
   * @defaultValue 5000: how long a server that is back may stay unnoticed
   */
  readonly maxMs?: number | undefined;
  /**
   * What it grows by with each failure, from 1 on.
   * @defaultValue 1.6
   */
  readonly factor?: number | undefined;
  /**
   * The part of it that is left to chance, from 0 to 1, so that clients which lost the same server
   * do not come back as one.
   * @defaultValue 0.2: from 80 % to 120 %
   */
  readonly jitter?: number | undefined;
}

/** Complete and checked. */
export type ResolvedReconnectOptions = { readonly [Option in keyof ReconnectOptions]-?: number };

const DEFAULTS: ResolvedReconnectOptions = {
  initialMs: 100,
  maxMs: 5000,
  factor: 1.6,
  jitter: 0.2,
};

/**
 * Fills in defaults. Where one of `initialMs` and `maxMs` is given, the other keeps its default as
 * far as it fits.
 *
 * @throws TypeError or RangeError naming the option, what it got and what is allowed
 */
export function resolveReconnect(given: ReconnectOptions = {}): ResolvedReconnectOptions {
  checkNames(given);
  const { factor = DEFAULTS.factor, jitter = DEFAULTS.jitter } = given;
  const initialMs = given.initialMs ?? Math.min(DEFAULTS.initialMs, given.maxMs ?? Infinity);
  const maxMs = given.maxMs ?? Math.max(DEFAULTS.maxMs, initialMs);
  return Object.freeze({
    initialMs: within('initialMs', initialMs, 1, MAX_TIMER_MS),
    maxMs: within('maxMs', maxMs, initialMs, MAX_TIMER_MS),
    factor: within('factor', factor, 1, Number.MAX_VALUE),
    jitter: within('jitter', jitter, 0, 1),
  });
}

function checkNames(given: unknown): void {
  if (typeof given !== 'object' || given === null) {
    throw new TypeError(
      `reconnect must be an object, got ${given === null ? 'null' : typeof given}`,
    );
  }
  for (const name of Object.keys(given)) {
    if (Object.hasOwn(DEFAULTS, name)) continue;
    throw new TypeError(
      `reconnect has no option ${name}: it has ${Object.keys(DEFAULTS).join(', ')}`,
    );
  }
}

function within(option: string, value: unknown, min: number, max: number): number {
  if (typeof value === 'number' && value >= min && value <= max) return value;
  const got = typeof value === 'number' ? value : typeof value;
  throw new RangeError(`reconnect.${option} must be a number from ${min} to ${max}, got ${got}`);
}

/** Counts failures, and says how much is left of the time that they ask for. */
export class Backoff {
  readonly #options: ResolvedReconnectOptions;
  readonly #random: () => number;
  #nextMs: number;
  /** On the monotonic clock. */
  #until = -Infinity;

  /** @param random - from 0 to below 1 */
  constructor(options: ResolvedReconnectOptions, random: () => number = Math.random) {
    this.#options = options;
    this.#random = random;
    this.#nextMs = options.initialMs;
  }

  /** Milliseconds until the next attempt is due; not above 0 when it is. */
  get leftMs(): number {
    return this.#until - performance.now();
  }

  /** An attempt has failed just now. */
  failed(): void {
    const { maxMs, factor, jitter } = this.#options;
    const spread = 1 + jitter * (2 * this.#random() - 1);
    this.#until = performance.now() + Math.min(this.#nextMs * spread, MAX_TIMER_MS);
    this.#nextMs = Math.min(this.#nextMs * factor, maxMs);
  }

  /** An attempt has succeeded. */
  reset(): void {
    this.#nextMs = this.#options.initialMs;
    this.#until = -Infinity;
  }
}
