import { concat, finalize, NEVER, of, range, startWith, Subject, throwError } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { BufferFullError } from '../../lib/errors.js';
import { iterate } from '../../lib/nest/observable-iterable.js';
import { MAX_WAITING } from '../../lib/nest/observable-sender.js';

const never = new AbortController().signal;

async function collect<T>(source: AsyncIterable<T>): Promise<T[]> {
  const got: T[] = [];
  for await (const one of source) got.push(one);
  return got;
}

describe('iterate', () => {
  it('gives what an Observable emits, at once and later, in order', async () => {
    expect(await collect(iterate(of(1, 2, 3), never))).toEqual([1, 2, 3]);
    const subject = new Subject<number>();
    const collected = collect(iterate(subject, never));
    for (const number of [1, 2]) {
      await Promise.resolve();
      subject.next(number);
    }
    subject.complete();
    expect(await collected).toEqual([1, 2]);
  });

  it('subscribes when the loop begins, and unsubscribes when it is left', async () => {
    const subject = new Subject<number>();
    const loop = iterate(subject.pipe(startWith(0)), never);
    expect(subject.observed).toBe(false);
    expect(await loop.next()).toEqual({ done: false, value: 0 });
    expect(subject.observed).toBe(true);
    await loop.return();
    expect(subject.observed).toBe(false);
  });

  it('gives an error behind what came before it, also when it is undefined', async () => {
    for (const error of [new Error('broken'), undefined]) {
      const loop = iterate(
        concat(
          of(1),
          throwError(() => error),
        ),
        never,
      );
      expect(await loop.next()).toEqual({ done: false, value: 1 });
      await expect(loop.next()).rejects.toBe(error);
    }
  });

  it('ends when the signal aborts, whether it waits, has messages or was not begun', async () => {
    const controller = new AbortController();
    let left = 0;
    const source = NEVER.pipe(
      startWith(1, 2),
      finalize(() => (left += 1)),
    );
    const loop = iterate(source, controller.signal);
    await loop.next();
    const waiting = iterate(source, controller.signal);
    await waiting.next();
    await waiting.next();
    const pending = waiting.next();
    controller.abort();
    expect(left).toBe(2);
    expect(await pending).toEqual({ done: true, value: undefined });
    expect(await loop.next()).toEqual({ done: true, value: undefined });
    expect(await collect(iterate(source, controller.signal))).toEqual([]);
    expect(left).toBe(2);
  });

  it('fails when more waits than the bound', async () => {
    expect(await collect(iterate(range(0, MAX_WAITING), never))).toHaveLength(MAX_WAITING);
    await expect(collect(iterate(range(0, MAX_WAITING + 1), never))).rejects.toThrow(
      BufferFullError,
    );
  });
});
