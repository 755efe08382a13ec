import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { BufferFullError } from '../../lib/errors.js';
import type { Connection } from '../../lib/protocol/connection.js';
import { ReceiveBudget, type Holder } from '../../lib/rpc/receive-budget.js';
import { Link } from './link.js';
import { Chat, collect, Download, Unary, Upload } from './text-service.js';

/** What a message costs besides its payload. */
const OVERHEAD = 128;

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] }));
afterEach(() => {
  expect(vi.getTimerCount()).toBe(0);
  vi.useRealTimers();
});

/** A holder that writes down why it lost what it held. */
class TestHolder implements Holder {
  held = 0;
  slot = 0;
  lost: string | undefined;

  onStalled({ details }: BufferFullError): void {
    this.lost = details;
  }
}

/** A budget of 100 bytes and what it asks of its connection. */
function make() {
  const asked: string[] = [];
  const connection = {
    options: { maxReceiveBufferBytes: 100, stallTimeoutMs: 1000 },
    pauseReading: () => void asked.push('pause'),
    resumeReading: () => void asked.push('resume'),
  };
  return { asked, budget: new ReceiveBudget(connection as unknown as Connection) };
}

const never = (): Promise<never> => new Promise(() => {});

describe('ReceiveBudget', () => {
  it.each([
    [99, []],
    [100, []],
    [101, ['pause']],
  ])('with %i of 100 bytes has asked for %j', (bytes, expected) => {
    const { asked, budget } = make();
    const [one, other] = [new TestHolder(), new TestHolder()];
    budget.hold(one, 60);
    budget.hold(other, bytes - 60);
    expect(asked).toEqual(expected);
    expect(budget.held).toBe(bytes);
    budget.drop(one);
    budget.drop(other);
    expect(budget.held).toBe(0);
  });

  it('lets reading go on as soon as it is back at its bound, and takes no time then', () => {
    const { asked, budget } = make();
    const holder = new TestHolder();
    budget.hold(holder, 150);
    vi.advanceTimersByTime(999);
    budget.release(holder, 49);
    expect(asked).toEqual(['pause']);
    budget.release(holder, 1);
    expect(asked).toEqual(['pause', 'resume']);
    expect(vi.getTimerCount()).toBe(0);
    expect(holder.lost).toBeUndefined();
  });

  it('ends those that hold most after the time, no more of them than needed', () => {
    const { asked, budget } = make();
    const holders = [30, 80, 20, 90].map((bytes) => {
      const holder = new TestHolder();
      budget.hold(holder, bytes);
      return holder;
    });
    vi.advanceTimersByTime(1000);
    expect(holders.map(({ lost }) => lost !== undefined)).toEqual([false, true, false, true]);
    expect(holders[3]?.lost).toBe(
      'calls of this connection left 220 bytes untaken for 1000 ms, this one most of them with 90; ' +
        'allowed are 100 (maxReceiveBufferBytes, stallTimeoutMs)',
    );
    expect(asked).toEqual(['pause', 'resume']);
    expect(budget.held).toBe(50);
  });

  it('takes no notice of what is released twice', () => {
    const { budget } = make();
    const [one, other] = [new TestHolder(), new TestHolder()];
    budget.hold(one, 10);
    budget.hold(other, 10);
    budget.drop(one);
    budget.release(one, 10);
    budget.hold(one, 0);
    expect(budget.held).toBe(10);
    budget.drop(other);
  });
});

describe('maxReceiveBufferBytes', () => {
  /** What two messages of 100 bytes hold. */
  const TWO = 2 * (100 + OVERHEAD);

  it('ends the call whose requests its handler leaves, though its caller is through', async () => {
    const link = new Link(
      { Upload: never, Unary: () => 'yes' },
      { server: { maxReceiveBufferBytes: 1000 } },
    );
    const requests = Array.from({ length: 3 }, () => 'x'.repeat(300));
    const failure = link.failure(link.caller.clientStreaming(Upload, requests, {}));
    await link.pair.settled();
    await vi.advanceTimersByTimeAsync(2000);
    expect(await failure).toMatchObject({
      code: 8,
      origin: 'remote',
      details: expect.stringContaining('maxReceiveBufferBytes'),
    });
    expect(await link.result(link.caller.unary(Unary, '', {}))).toBe('yes');
  });

  /** A server whose downloads and chats give what is asked for, and then stay open. */
  const streaming = (max: number): Link => {
    async function* send(text: string): AsyncGenerator<string> {
      yield text;
      await new Promise(() => {});
    }
    return new Link(
      {
        Download: send,
        Unary: () => 'yes',
        async *Chat(requests: AsyncIterable<string>) {
          for await (const request of requests) yield request;
        },
      },
      { client: { maxReceiveBufferBytes: max } },
    );
  };

  it.each([
    [TWO + 1, 0],
    [TWO, 0],
    [TWO - 1, 1],
  ])('a client’s of %i lets 456 bytes be untaken, but ends %i', async (max, ended) => {
    const link = streaming(max);
    const iterators = [100, 100].map((length) =>
      link.caller.serverStreaming(Download, 'x'.repeat(length), {})[Symbol.asyncIterator](),
    );
    await link.pair.settled();
    expect(vi.getTimerCount()).toBe(ended);
    const answer = link.caller.unary(Unary, '', {});
    await vi.advanceTimersByTimeAsync(2000);
    expect(await link.result(answer)).toBe('yes');
    expect(link.client.counters.stalledStreams).toBe(ended);
    const results = await Promise.allSettled(iterators.map((iterator) => iterator.next()));
    expect(results.filter(({ status }) => status === 'rejected')).toHaveLength(ended);
    for (const iterator of iterators) await iterator.return?.();
  });

  it('does not count what came before the end of a client’s call', async () => {
    const link = new Link(
      { Download: (text: string) => [text, text] },
      { client: { maxReceiveBufferBytes: 300 } },
    );
    const loop = link.caller.serverStreaming(Download, 'x'.repeat(200), {});
    const iterator = loop[Symbol.asyncIterator]();
    await link.pair.settled();
    expect(vi.getTimerCount()).toBe(0);
    await vi.advanceTimersByTimeAsync(10_000);
    expect(await collect({ [Symbol.asyncIterator]: () => iterator })).toHaveLength(2);
  });

  it('costs nothing where messages are taken as they come', async () => {
    const link = streaming(1);
    const texts = Array.from({ length: 50 }, (_, n) => `${n}`);
    const got = collect(link.caller.bidirectional(Chat, texts, {}));
    expect(await link.result(got)).toEqual(texts);
    expect(vi.getTimerCount()).toBe(0);
  });
});
