import type { Observable } from 'rxjs';
import { BufferFullError } from '../errors.js';
import { Fifo } from '../rpc/fifo.js';
import { MAX_WAITING } from './observable-sender.js';

/** The reason of an Observable that completed. */
const NO_ERROR = { error: undefined };

/**
 * Iterates an Observable: subscribes when the loop begins, unsubscribes when it is left or
 * `signal` aborts, since a generator that waits can't be left. What is emitted faster than the loop
 * takes it waits, up to a bound.
 */
export async function* iterate<T>(
  source: Observable<T>,
  signal: AbortSignal,
): AsyncGenerator<T, void> {
  if (signal.aborted) return;
  const waiting = new Fifo<T>();
  const end: { reason?: { readonly error: unknown } | undefined } = {};
  let wake: (() => void) | undefined;
  const finish = (reason?: { readonly error: unknown }): void => {
    end.reason ??= reason ?? NO_ERROR;
    wake?.();
  };
  const subscription = source.subscribe({
    next: (message) => {
      if (waiting.length < MAX_WAITING) waiting.push(message);
      else
        finish({
          error: new BufferFullError(
            `Observable emitted ${MAX_WAITING} messages more than were taken`,
          ),
        });
      wake?.();
    },
    error: (error: unknown) => finish({ error }),
    complete: () => finish(),
  });
  const stop = (): void => {
    subscription.unsubscribe();
    waiting.clear();
    finish();
  };
  signal.addEventListener('abort', stop, { once: true });
  try {
    while (end.reason === undefined || waiting.length > 0) {
      if (waiting.length > 0) yield waiting.take();
      else await new Promise<void>((resolve) => (wake = resolve));
    }
    if (end.reason !== NO_ERROR) throw end.reason.error;
  } finally {
    signal.removeEventListener('abort', stop);
    subscription.unsubscribe();
  }
}
