import { MessageQueue } from './message-queue.js';

/** Where pumped messages go: the sending half of a call. */
export interface PumpTarget<T> {
  /** Whether messages still go anywhere. */
  readonly active: boolean;
  /** Sends a message; false when {@link drained} should be waited for. */
  send(message: T): boolean;
  /** Resolves when there is room again, and when nothing is accepted any more. */
  drained(): Promise<void>;
  end(): void;
  fail(error: unknown): void;
  /** `stop` is called once when nothing is accepted any more. */
  onStop(stop: () => void): void;
}

/**
 * Sends every message of an iterable, as fast as the peer takes them. A source that is no longer
 * wanted is returned, so that a generator's `finally` runs. Never rejects.
 */
export async function pump<T>(
  source: AsyncIterable<T> | Iterable<T>,
  target: PumpTarget<T>,
): Promise<void> {
  try {
    if (isAsyncIterable(source)) await pumpAsync(source, target);
    else await pumpSync(source, target);
  } catch (error) {
    target.fail(error);
  }
}

/**
 * Messages after which other things get their turn. A source that never really waits, with a peer
 * that reads fast, would otherwise keep timers and sockets from running.
 */
const TURN_AFTER = 1024;

async function pumpSync<T>(source: Iterable<T>, target: PumpTarget<T>): Promise<void> {
  let count = 0;
  for (const message of source) {
    if (!target.active) return;
    const pause = afterSend(target.send(message), ++count, target);
    if (pause !== undefined) await pause;
  }
  target.end();
}

/** Waits for room, or for the event loop's turn, if it is time. */
function afterSend(
  room: boolean,
  count: number,
  target: { drained(): Promise<void> },
): Promise<void> | undefined {
  if (!room) return target.drained();
  return count % TURN_AFTER === 0 ? new Promise((resolve) => setImmediate(resolve)) : undefined;
}

async function pumpAsync<T>(source: AsyncIterable<T>, target: PumpTarget<T>): Promise<void> {
  const iterator = source[Symbol.asyncIterator]();
  // As with `for await`, an iterator that ended by itself is not returned.
  let open = true;
  let count = 0;
  // Not `for await`: a source that waits for something must hear at once that nobody wants it.
  target.onStop(() => {
    if (open) void returnQuietly(iterator);
  });
  while (target.active) {
    let result: IteratorResult<T, unknown>;
    try {
      result = waiting(iterator) ?? (await iterator.next());
    } catch (error) {
      open = false;
      throw error;
    }
    open = result.done !== true;
    if (result.done === true) return target.end();
    if (!target.active) return;
    const pause = afterSend(target.send(result.value), ++count, target);
    if (pause !== undefined) await pause;
  }
}

/** What a call's queue has already, of an echo or a proxy: it need not be waited for. */
function waiting<T>(iterator: AsyncIterator<T>): IteratorYieldResult<T> | undefined {
  return iterator instanceof MessageQueue ? (iterator as MessageQueue<T>).poll() : undefined;
}

async function returnQuietly(iterator: AsyncIterator<unknown>): Promise<void> {
  try {
    await iterator.return?.();
  } catch {
    // The call is over: nobody is left to tell.
  }
}

/** Whether `for await` would ask it for messages one by one. */
export function isAsyncIterable<T = unknown>(value: unknown): value is AsyncIterable<T> {
  return typeof value === 'object' && value !== null && Symbol.asyncIterator in value;
}

/** Whether `for` would take messages from it; strings are values, not lists of letters. */
export function isIterable(value: unknown): value is Iterable<unknown> {
  return typeof value === 'object' && value !== null && Symbol.iterator in value;
}
