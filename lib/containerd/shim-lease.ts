import { positive } from '../engine/client-options.js';

/** When a shim that nobody uses ends. */
export interface ShimLeaseOptions {
  /**
   * How long nobody may be connected, in milliseconds.
   * @defaultValue 10000
   */
  readonly timeoutMs?: number | undefined;
  /** Whether there are containers: then the shim stays, for containerd comes back to them. */
  readonly isBusy?: (() => boolean) | undefined;
  /** Nobody needs the shim. Called once. */
  readonly onExpired: () => void;
}

const TIMEOUT_MS = 10_000;

/**
 * Ends a shim that nobody uses: containerd that was killed between `start` and its first call never
 * comes back for it.
 *
 * A server's hooks `onConnect` and `onClose` tell it of connections; it begins with none.
 */
export class ShimLease {
  readonly #timeoutMs: number;
  readonly #isBusy: () => boolean;
  readonly #onExpired: () => void;
  #connections = 0;
  #timer: NodeJS.Timeout | undefined;
  #ended = false;

  /** @throws RangeError naming the option, what it got and what is allowed */
  constructor({ timeoutMs = TIMEOUT_MS, isBusy = () => false, onExpired }: ShimLeaseOptions) {
    this.#timeoutMs = positive('timeoutMs', timeoutMs);
    this.#isBusy = isBusy;
    this.#onExpired = onExpired;
    this.#wait();
  }

  /** Somebody has connected. */
  connected(): void {
    this.#connections++;
    clearTimeout(this.#timer);
  }

  /** One of them has gone. */
  disconnected(): void {
    if (--this.#connections === 0) this.#wait();
  }

  /** The shim ends anyway. */
  end(): void {
    this.#ended = true;
    clearTimeout(this.#timer);
  }

  #wait(): void {
    if (this.#ended) return;
    this.#timer = setTimeout(() => {
      if (this.#isBusy()) return this.#wait();
      this.end();
      this.#onExpired();
    }, this.#timeoutMs);
  }
}
