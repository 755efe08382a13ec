import { describe, expect, it } from 'vitest';
import { MessageQueue, type QueueOwner } from '../../lib/rpc/message-queue.js';
import { isAsyncIterable, isIterable, pump, type PumpTarget } from '../../lib/rpc/pump.js';

/** A target that writes down what it gets, and is full after `room` messages. */
class Target implements PumpTarget<number> {
  readonly got: unknown[] = [];
  room: number;
  active = true;
  onSend: (message: number) => void = () => {};
  #stops: (() => void)[] = [];
  #drain: (() => void) | undefined;

  constructor(room = Infinity) {
    this.room = room;
  }

  send(message: number): boolean {
    this.got.push(message);
    this.onSend(message);
    return --this.room > 0;
  }

  drained(): Promise<void> {
    this.got.push('full');
    return new Promise((resolve) => (this.#drain = resolve));
  }

  end(): void {
    this.got.push('end');
    this.stop();
  }

  fail(error: unknown): void {
    this.got.push((error as Error).message);
    this.stop();
  }

  onStop(stop: () => void): void {
    if (this.active) this.#stops.push(stop);
    else stop();
  }

  /** Makes room. */
  drain(room: number): void {
    this.room = room;
    this.#drain?.();
  }

  /** Takes no more. */
  stop(): void {
    this.active = false;
    this.#drain?.();
    for (const stop of this.#stops.splice(0)) stop();
  }
}

/** An async iterator by hand that writes down how it is used. */
function iterable(
  next: (count: number) => Promise<IteratorResult<number>>,
  onReturn: () => Promise<IteratorResult<number>> = () =>
    Promise.resolve({ done: true, value: undefined }),
): { source: AsyncIterable<number>; uses: string[] } {
  const uses: string[] = [];
  const iterator: AsyncIterator<number> = {
    next() {
      uses.push('next');
      return next(uses.length);
    },
    return() {
      uses.push('return');
      return onReturn();
    },
  };
  return { source: { [Symbol.asyncIterator]: () => iterator }, uses };
}

/** Whom a queue belongs to that is never too full. */
const NOBODY: QueueOwner = {
  maxBytes: Infinity,
  stallTimeoutMs: Infinity,
  pauseReading() {},
  resumeReading() {},
  hold() {},
  release() {},
  onStalled() {},
  onReturn() {},
};

/** Lets every promise that is due go on. */
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

const DONE = { done: true as const, value: undefined };

function* endless(): Generator<number> {
  for (let message = 0; ; message++) yield message;
}

async function* asyncEndless(): AsyncGenerator<number> {
  yield* endless();
}

describe('pump', () => {
  it('sends every message of an iterable, and its end', async () => {
    const target = new Target();
    await pump([1, 2, 3], target);
    expect(target.got).toEqual([1, 2, 3, 'end']);
  });

  it('sends every message of an async iterable, and its end; an ended one is not returned', async () => {
    const target = new Target();
    const { source, uses } = iterable((count) =>
      Promise.resolve(count > 2 ? DONE : { done: false, value: count }),
    );
    await pump(source, target);
    expect(target.got).toEqual([1, 2, 'end']);
    expect(uses).toEqual(['next', 'next', 'next']);
  });

  it("sends what waits in a call's queue at once, as far as there is room, then what comes", async () => {
    const queue = new MessageQueue<number>(NOBODY);
    for (const message of [1, 2, 3]) queue.push(message, 0);
    const target = new Target(2);
    const pumped = pump(queue, target);
    expect(target.got).toEqual([1, 2, 'full']);
    target.drain(10);
    await turn();
    queue.push(4, 0);
    queue.end();
    await pumped;
    expect(target.got).toEqual([1, 2, 'full', 3, 4, 'end']);
  });

  it('lets timers and sockets have their turn, however fast source and target are', async () => {
    for (const source of [endless(), asyncEndless()]) {
      const target = new Target();
      setImmediate(() => target.stop());
      await pump(source, target);
      expect(target.got.length).toBeGreaterThan(1000);
    }
  });

  it('prefers the async of two ways', async () => {
    const target = new Target();
    const both = Object.assign([1], {
      async *[Symbol.asyncIterator]() {
        yield 2;
      },
    });
    await pump(both, target);
    expect(target.got).toEqual([2, 'end']);
  });

  it.each(['iterable', 'async iterable'])('waits for room with an %s', async (kind) => {
    const target = new Target(2);
    let made = 0;
    const count = function* (): Generator<number> {
      while (made < 4) yield ++made;
    };
    const source =
      kind === 'iterable'
        ? count()
        : (async function* () {
            yield* count();
          })();
    const pumped = pump(source, target);
    await turn();
    expect(target.got).toEqual([1, 2, 'full']);
    expect(made).toBe(2);
    target.drain(10);
    await pumped;
    expect(target.got).toEqual([1, 2, 'full', 3, 4, 'end']);
  });

  it('fails the target with what the source throws; a source that threw is not returned', async () => {
    const target = new Target();
    const { source, uses } = iterable((count) =>
      count > 1 ? Promise.reject(new Error('dry')) : Promise.resolve({ done: false, value: count }),
    );
    await pump(source, target);
    expect(target.got).toEqual([1, 'dry']);
    expect(uses).toEqual(['next', 'next']);
  });

  it('fails the target with what an iterable throws, and when it cannot be begun', async () => {
    const target = new Target();
    await pump(
      (function* () {
        yield 1;
        throw new Error('dry');
      })(),
      target,
    );
    expect(target.got).toEqual([1, 'dry']);
    const other = new Target();
    const unable = {
      [Symbol.asyncIterator](): never {
        throw new Error('unable');
      },
    };
    await pump(unable, other);
    expect(other.got).toEqual(['unable']);
  });

  it('fails the target, and returns the source once, when a message cannot be sent', async () => {
    const target = new Target();
    target.onSend = () => {
      throw new Error('unsendable');
    };
    const { source, uses } = iterable((count) => Promise.resolve({ done: false, value: count }));
    await pump(source, target);
    expect(target.got).toEqual([1, 'unsendable']);
    expect(uses).toEqual(['next', 'return']);
  });

  it('returns an iterable that is not wanted any more', async () => {
    const target = new Target(1);
    let cleaned = false;
    const pumped = pump(
      (function* () {
        try {
          for (;;) yield 1;
        } finally {
          cleaned = true;
        }
      })(),
      target,
    );
    await turn();
    target.stop();
    await pumped;
    expect(cleaned).toBe(true);
    expect(target.got).toEqual([1, 'full']);
  });

  it('returns a source that waits, at once, and takes nothing more of it', async () => {
    const target = new Target();
    let answer: (result: IteratorResult<number>) => void = () => {};
    const { source, uses } = iterable(() => new Promise((resolve) => (answer = resolve)));
    const pumped = pump(source, target);
    target.stop();
    expect(uses).toEqual(['next', 'return']);
    answer({ done: false, value: 9 });
    await pumped;
    expect(target.got).toEqual([]);
  });

  it('returns a source that is too late for its target', async () => {
    const target = new Target();
    target.stop();
    const { source, uses } = iterable(() => Promise.resolve(DONE));
    await pump(source, target);
    expect(uses).toEqual(['return']);
  });

  it('does not mind a source that cannot be returned, or that fails to', async () => {
    for (const broken of [undefined, () => Promise.reject(new Error('no'))]) {
      const target = new Target();
      target.stop();
      const iterator = { next: () => Promise.resolve(DONE), return: broken };
      await pump({ [Symbol.asyncIterator]: () => iterator as AsyncIterator<number> }, target);
      await turn();
      expect(target.got).toEqual([]);
    }
  });
});

describe('isAsyncIterable', () => {
  it('knows what for await asks for messages', () => {
    expect(isAsyncIterable((async function* () {})())).toBe(true);
    for (const other of [[1], null, undefined, 'text', {}, 7]) {
      expect(isAsyncIterable(other)).toBe(false);
    }
  });
});

describe('isIterable', () => {
  it('takes lists, sets and generators, but no text', () => {
    for (const list of [[1], new Set(), (function* () {})()]) expect(isIterable(list)).toBe(true);
    for (const other of [null, undefined, 'text', {}, 7]) expect(isIterable(other)).toBe(false);
  });
});
