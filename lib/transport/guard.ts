/** Longest delay of a timer, in ms; Node turns a longer one into 1 ms. */
export const MAX_DELAY_MS = 2 ** 31 - 1;

/** What may end a wait early. */
export interface GuardOptions {
  /** How long to wait, in ms; `Infinity` for ever. */
  readonly timeoutMs: number;
  /** Ends the wait at once. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Watches over something that may take too long or may be given up.
 *
 * @param options - the bounds
 * @param onExpired - called at most once, at once if the signal has already aborted
 * @returns ends the watch; nothing of it is left behind
 */
export function guard(
  options: GuardOptions,
  onExpired: (reason: 'timeout' | 'aborted') => void,
): () => void {
  const { timeoutMs, signal } = options;
  if (signal?.aborted === true) {
    onExpired('aborted');
    return () => {};
  }
  const timer =
    timeoutMs > MAX_DELAY_MS ? undefined : setTimeout(() => expire('timeout'), timeoutMs);
  const onAbort = (): void => expire('aborted');
  signal?.addEventListener('abort', onAbort);

  function stop(): void {
    clearTimeout(timer);
    signal?.removeEventListener('abort', onAbort);
  }
  function expire(reason: 'timeout' | 'aborted'): void {
    stop();
    onExpired(reason);
  }
  return stop;
}
