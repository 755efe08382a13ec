import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { BufferFullError, UsageError } from '../../lib/errors.js';
import { MessageQueue, type QueueOwner } from '../../lib/rpc/message-queue.js';
import { collect } from './text-service.js';

/** What a message costs besides its payload. */
const OVERHEAD = 128;

/** An owner that writes down what it is asked; room for two messages of no bytes. */
function make(onReturn = (): void => {}): {
  queue: MessageQueue<number>;
  asked: unknown[];
  held: () => number;
} {
  const asked: unknown[] = [];
  let held = 0;
  const owner: QueueOwner = {
    maxBytes: 2 * OVERHEAD,
    stallTimeoutMs: 1000,
    pauseReading: () => void asked.push('pause'),
    resumeReading: () => void asked.push('resume'),
    hold: (bytes) => void (held += bytes),
    release: (bytes) => void (held -= bytes),
    onStalled: (error) => void asked.push(error),
    onReturn() {
      asked.push('return');
      onReturn();
    },
  };
  return { queue: new MessageQueue<number>(owner), asked, held: () => held };
}

beforeEach(() => void vi.useFakeTimers());
afterEach(() => {
  expect(vi.getTimerCount()).toBe(0);
  vi.useRealTimers();
});

describe('MessageQueue', () => {
  it('gives messages in order, those that waited first, and then its end', async () => {
    const { queue, asked } = make();
    queue.push(1, 0);
    queue.push(2, 0);
    const all = collect(queue);
    queue.push(3, 0);
    queue.end();
    expect(await all).toEqual([1, 2, 3]);
    expect(await queue.next()).toEqual({ done: true, value: undefined });
    expect(asked).toEqual([]);
  });

  it('serves several that wait, in the order of asking; its end serves them all', async () => {
    const { queue } = make();
    const asking = [queue.next(), queue.next(), queue.next()];
    queue.push(1, 0);
    queue.end();
    expect(await Promise.all(asking)).toEqual([
      { done: false, value: 1 },
      { done: true, value: undefined },
      { done: true, value: undefined },
    ]);
  });

  it('gives an error behind the messages, once', async () => {
    const { queue } = make();
    queue.push(1, 0);
    queue.fail(new Error('late'));
    queue.push(2, 0);
    queue.fail(new Error('later'));
    expect(await queue.next()).toEqual({ done: false, value: 1 });
    await expect(queue.next()).rejects.toThrow('late');
    expect(await queue.next()).toEqual({ done: true, value: undefined });
  });

  it('gives an error to the first that waits, and its end to the others', async () => {
    const { queue } = make();
    const first = queue.next();
    const second = queue.next();
    queue.fail(new Error('late'));
    await expect(first).rejects.toThrow('late');
    expect(await second).toEqual({ done: true, value: undefined });
  });

  it('keeps the order over thousands of messages', async () => {
    const { queue } = make();
    const count = 5000;
    for (let n = 0; n < count; n++) queue.push(n, 0);
    queue.end();
    expect(await collect(queue)).toEqual(Array.from({ length: count }, (_, n) => n));
  });

  it('pauses reading above its bound, and resumes when it is back at it', async () => {
    const { queue, asked } = make();
    queue.push(1, 0);
    queue.push(2, 0);
    expect(asked).toEqual([]);
    queue.push(3, 0);
    queue.push(4, 0);
    expect(asked).toEqual(['pause']);
    await queue.next();
    expect(asked).toEqual(['pause']);
    await queue.next();
    expect(asked).toEqual(['pause', 'resume']);
    queue.push(5, 1);
    expect(asked).toEqual(['pause', 'resume', 'pause']);
    queue.end();
    expect(asked).toEqual(['pause', 'resume', 'pause', 'resume']);
  });

  it('counts payload bytes', () => {
    const { queue, asked } = make();
    queue.push(1, OVERHEAD);
    expect(asked).toEqual([]);
    queue.push(2, 0);
    expect(asked).toEqual(['pause']);
    queue.end();
  });

  it('says what it holds until that is taken, dropped or aborted', async () => {
    const { queue, held } = make();
    queue.push(1, 10);
    queue.push(2, 20);
    expect(held()).toBe(2 * OVERHEAD + 30);
    await queue.next();
    expect(held()).toBe(OVERHEAD + 20);
    queue.discard();
    queue.abort(new Error('gone'));
    expect(held()).toBe(0);
    const other = make();
    other.queue.push(1, 10);
    other.queue.abort(new Error('gone'));
    expect(other.held()).toBe(0);
  });

  it('gives up a consumer that leaves messages untaken for too long', async () => {
    const { queue, asked } = make();
    for (let n = 0; n < 3; n++) queue.push(n, 0);
    vi.advanceTimersByTime(999);
    expect(asked).toEqual(['pause']);
    vi.advanceTimersByTime(1);
    expect(asked).toEqual(['pause', 'resume', expect.any(BufferFullError)]);
    queue.push(9, 0);
    await expect(queue.next()).rejects.toThrow(
      'consumer of a stream left more than 256 bytes untaken for 1000 ms (maxStreamBufferBytes, stallTimeoutMs)',
    );
    expect(await queue.next()).toMatchObject({ done: true });
  });

  it('starts the time anew whenever the consumer has caught up', async () => {
    const { queue, asked } = make();
    for (let n = 0; n < 3; n++) queue.push(n, 0);
    vi.advanceTimersByTime(900);
    await queue.next();
    queue.push(3, 0);
    vi.advanceTimersByTime(900);
    expect(asked).toEqual(['pause', 'resume', 'pause']);
    queue.end();
  });

  it('lets a consumer take its time once the end is there', async () => {
    const { queue, asked } = make();
    for (let n = 0; n < 3; n++) queue.push(n, 0);
    queue.end();
    vi.advanceTimersByTime(10_000);
    expect(asked).toEqual(['pause', 'resume']);
    expect(await collect(queue)).toEqual([0, 1, 2]);
  });

  it('drops everything when the loop is left, and says so', async () => {
    const { queue, asked } = make();
    for (let n = 0; n < 4; n++) queue.push(n, 0);
    for await (const message of queue) if (message === 0) break;
    expect(asked).toEqual(['pause', 'resume', 'return']);
    queue.push(5, 0);
    expect(await queue.next()).toMatchObject({ done: true });
  });

  it('is done for whoever has left, also when leaving ended the call with an error', async () => {
    const { queue } = make(() => queue.abort(new Error('cancelled')));
    const waiting = queue.next();
    expect(await queue.return()).toEqual({ done: true, value: undefined });
    expect(await waiting).toEqual({ done: true, value: undefined });
    expect(await queue.next()).toEqual({ done: true, value: undefined });
  });

  it('forgets an error that waits when the loop is left', async () => {
    const { queue } = make();
    queue.push(1, 0);
    queue.fail(new Error('late'));
    for await (const message of queue) if (message === 1) break;
    expect(await queue.next()).toMatchObject({ done: true });
  });

  it('is empty after discard', async () => {
    const { queue } = make();
    queue.push(1, 0);
    queue.discard();
    expect(await collect(queue)).toEqual([]);
  });

  it('gives an abort before what waits, also behind the end and before a discard', async () => {
    for (const ended of [false, true]) {
      const { queue } = make();
      queue.push(1, 0);
      if (ended) queue.end();
      queue.abort(new Error('gone'));
      queue.discard();
      await expect(queue.next()).rejects.toThrow('gone');
      expect(await queue.next()).toMatchObject({ done: true });
    }
  });

  it.each([
    ['neither the messages nor the end were taken', true, true],
    ['the messages were taken before the end came', false, false],
    ['messages are left behind the end', true, true, true],
  ])('tells who was cut off by a discard: %s', async (_, left, told, ended = !left) => {
    const { queue } = make();
    queue.push(1, 0);
    if (!left) await queue.next();
    if (ended) queue.end();
    queue.discard(() => new Error('cut off'));
    if (told) await expect(queue.next()).rejects.toThrow('cut off');
    expect(await collect(queue)).toEqual([]);
  });

  it('tells nobody who has left that a discard cut the messages off', async () => {
    const { queue } = make();
    queue.push(1, 0);
    await queue.return();
    queue.discard(() => new Error('cut off'));
    expect(await collect(queue)).toEqual([]);
  });
});

describe('MessageQueue.consume', () => {
  /** A consumer that writes down what it gets. */
  function recorder(onMessage: (message: number) => void = () => {}): {
    seen: unknown[];
    onMessage(message: number): void;
    onEnd(): void;
    onError(error: Error): void;
  } {
    const seen: unknown[] = [];
    return {
      seen,
      onMessage(message) {
        seen.push(message);
        onMessage(message);
      },
      onEnd: () => void seen.push('end'),
      onError: (error) => void seen.push(error.message),
    };
  }

  it('hands over what waits, what comes and the end', () => {
    const { queue, asked } = make();
    for (let n = 0; n < 3; n++) queue.push(n, 0);
    const consumer = recorder();
    queue.consume(consumer);
    expect(asked).toEqual(['pause', 'resume']);
    queue.push(3, 1e6);
    queue.end();
    queue.push(4, 0);
    queue.discard();
    expect(consumer.seen).toEqual([0, 1, 2, 3, 'end']);
    expect(asked).toEqual(['pause', 'resume']);
  });

  it('hands over an error, once', () => {
    const { queue } = make();
    const consumer = recorder();
    queue.consume(consumer);
    queue.abort(new Error('gone'));
    queue.fail(new Error('again'));
    expect(consumer.seen).toEqual(['gone']);
  });

  it('hands over the end of a stream that has ended already', () => {
    const { queue } = make();
    queue.push(1, 0);
    queue.end();
    const consumer = recorder();
    queue.consume(consumer);
    expect(consumer.seen).toEqual([1, 'end']);
  });

  it('keeps the order when the consumer causes more messages, or the end', () => {
    const { queue } = make();
    const consumer = recorder((message) => {
      if (message < 3) queue.push(message + 1, 0);
      else queue.end();
    });
    queue.consume(consumer);
    queue.push(0, 0);
    expect(consumer.seen).toEqual([0, 1, 2, 3, 'end']);
  });

  it('goes on after a consumer that threw', () => {
    const { queue } = make();
    const consumer = recorder((message) => {
      if (message === 0) throw new Error('consumer');
    });
    queue.consume(consumer);
    expect(() => queue.push(0, 0)).toThrow('consumer');
    queue.push(1, 0);
    queue.end();
    expect(consumer.seen).toEqual([0, 1, 'end']);
  });

  it('happens only once, and not beside a loop', () => {
    const { queue } = make();
    queue.consume(recorder());
    expect(() => queue.consume(recorder())).toThrow(UsageError);
    const looped = make().queue;
    void looped.next();
    expect(() => looped.consume(recorder())).toThrow('messages of a stream can be taken only once');
  });
});
