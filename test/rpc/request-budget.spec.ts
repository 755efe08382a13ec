import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Link } from './link.js';
import { collect, Chat, Download, Unary } from './text-service.js';

/** What a request costs besides its payload. */
const OVERHEAD = 128;
/** What two requests of 100 bytes keep. */
const TWO = 2 * (100 + OVERHEAD);
const TEXT = 'x'.repeat(100);

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] }));
afterEach(() => {
  expect(vi.getTimerCount()).toBe(0);
  vi.useRealTimers();
});

/** A server whose calls, of all kinds, end when they are let. */
function start(maxReceiveBufferBytes: number) {
  const opens: (() => void)[] = [];
  const wait = (): Promise<string> => new Promise((resolve) => opens.push(() => resolve('answer')));
  const link = new Link(
    {
      Unary: wait,
      async *Download() {
        yield await wait();
      },
      async *Chat(requests: AsyncIterable<string>) {
        yield* requests;
      },
    },
    { server: { maxReceiveBufferBytes } },
  );
  /** Answers the oldest call. */
  const answer = async (): Promise<void> => {
    opens.shift()?.();
    await link.pair.settled();
  };
  return { link, opens, answer };
}

describe('RequestBudget', () => {
  it.each([
    [TWO + 1, 2000, false, 0],
    [TWO, 2000, false, 0],
    [TWO - 1, 1999, true, 0],
    [TWO - 1, 2000, false, 1],
    [TWO - 1, 2001, false, 1],
  ])(
    'of %i bytes, with 456 kept for %i of 2000 ms, pauses reading: %s, and refuses %i new calls',
    async (max, passed, paused, refused) => {
      const { link, opens, answer } = start(max);
      const running = [1, 2].map(() => link.caller.unary(Unary, TEXT, {}));
      await link.pair.settled();
      await vi.advanceTimersByTimeAsync(passed);
      expect(link.pair.server.asked.at(-1) === 'pause').toBe(paused);
      const next = link.caller.unary(Unary, '', {}).catch((error: unknown) => error);
      await link.pair.settled();
      expect(opens).toHaveLength(paused || refused > 0 ? 2 : 3);
      expect(link.server.counters).toMatchObject({ refusedRequests: refused, stalledStreams: 0 });
      // Those that run are answered, whatever came later.
      for (let n = 0; n < 3; n++) await answer();
      expect(await link.result(Promise.all(running))).toEqual(['answer', 'answer']);
      expect(await link.result(next)).toEqual(
        refused === 0
          ? 'answer'
          : expect.objectContaining({
              code: 8,
              details:
                'too much is kept for running calls: more than 455 bytes for longer than ' +
                '2000 ms (maxReceiveBufferBytes, stallTimeoutMs)',
            }),
      );
    },
  );

  it('lets calls in again as soon as enough are answered', async () => {
    const { link, answer } = start(TWO - 1);
    const running = [1, 2].map(() => link.caller.unary(Unary, TEXT, {}));
    await link.pair.settled();
    await vi.advanceTimersByTimeAsync(2000);
    const refused = link.failure(link.caller.unary(Unary, '', {}));
    expect(await refused).toMatchObject({ code: 8 });
    await answer();
    const next = link.caller.unary(Unary, '', {});
    await link.pair.settled();
    await answer();
    await answer();
    expect(await link.result(Promise.all([...running, next]))).toHaveLength(3);
    expect(link.server.counters.refusedRequests).toBe(1);
  });

  it('reads on once a handler has answered, and refuses nothing', async () => {
    const { link, answer } = start(TWO - 1);
    const calls = Array.from({ length: 5 }, () => link.caller.unary(Unary, TEXT, {}));
    await link.pair.settled();
    for (let round = 0; round < 5; round++) {
      await vi.advanceTimersByTimeAsync(1500);
      await answer();
    }
    expect(await link.result(Promise.all(calls))).toHaveLength(5);
    expect(link.server.counters.refusedRequests).toBe(0);
  });

  it('counts metadata, and the request of a call that streams its answers until their end', async () => {
    const { link, answer } = start(1000);
    const call = link.caller.serverStreaming(Download, 'x'.repeat(400), {
      metadata: { key: 'x'.repeat(600) },
    });
    const all = collect(call);
    await link.pair.settled();
    await vi.advanceTimersByTimeAsync(2000);
    expect(await link.failure(link.caller.unary(Unary, '', {}))).toMatchObject({ code: 8 });
    await answer();
    expect(await link.result(all)).toEqual(['answer']);
    const next = link.caller.unary(Unary, '', {});
    await link.pair.settled();
    await answer();
    expect(await link.result(next)).toBe('answer');
  });

  it('lets streams that are open go on while it refuses calls', async () => {
    const { link, answer } = start(TWO - 1);
    let send: (text: string) => void = () => {};
    const requests = {
      async *[Symbol.asyncIterator]() {
        yield 'first';
        yield await new Promise<string>((resolve) => (send = resolve));
      },
    };
    const chat = collect(link.caller.bidirectional(Chat, requests, {}));
    await link.pair.settled();
    const running = [1, 2].map(() => link.caller.unary(Unary, TEXT, {}));
    await link.pair.settled();
    await vi.advanceTimersByTimeAsync(2000);
    send('second');
    expect(await link.result(chat)).toEqual(['first', 'second']);
    expect(await link.failure(link.caller.unary(Unary, '', {}))).toMatchObject({ code: 8 });
    await answer();
    await answer();
    await link.result(Promise.all(running));
  });

  it('leaves nothing behind when the connection is lost', async () => {
    const { link } = start(TWO - 1);
    const running = [1, 2].map(() => link.failure(link.caller.unary(Unary, TEXT, {})));
    await link.pair.settled();
    expect(vi.getTimerCount()).toBe(1);
    link.server.destroy();
    await link.pair.settled();
    expect(vi.getTimerCount()).toBe(0);
    await Promise.all(running);
  });
});
