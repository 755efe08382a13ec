import { describe, expect, it } from 'vitest';
import { BufferFullError } from '../../lib/errors.js';
import { CallQueue } from '../../lib/rpc/call-queue.js';
import { LimitCounters } from '../../lib/protocol/limit-counters.js';
import { UnaryClientCall } from '../../lib/rpc/client-call.js';
import { StreamClientCall } from '../../lib/rpc/client-stream-call.js';
import { Link } from './link.js';
import { Chat, collect, Download, Unary } from './text-service.js';

const TEXT = 'x'.repeat(100);
/** The frame of a response of 100 bytes: header, and a field with its tag and length. */
const RESPONSE = 10 + 2 + 100;
/** The frame of a message of 100 bytes. */
const MESSAGE = 10 + 100;
const ended = expect.objectContaining({
  code: 8,
  origin: 'remote',
  details: 'messages are sent faster than the peer takes them',
}) as unknown;

/** A server whose unary calls are answered when that is said, and whose client stops reading. */
function start(maxSendBufferBytes: number) {
  const answers: ((text: string) => void)[] = [];
  const link = new Link(
    {
      Unary: () => new Promise((resolve) => answers.push(resolve)),
      async *Download() {
        const text = await new Promise<string>((resolve) => answers.push(resolve));
        yield text;
      },
    },
    { server: { maxSendBufferBytes } },
  );
  const outcomes = (calls: readonly Promise<unknown>[]): Promise<unknown[]> =>
    link.result(Promise.all(calls.map((call) => call.catch((error: unknown) => error))));
  return { link, answers, outcomes };
}

describe('maxSendBufferBytes', () => {
  it.each([
    [RESPONSE + 1, 'sends'],
    [RESPONSE, 'sends'],
    [RESPONSE - 1, 'ends'],
  ])(
    'of a server of %i bytes, with 112 waiting, %s the call that answers next',
    async (max, then) => {
      const { link, answers, outcomes } = start(max);
      const calls = [1, 2, 3].map(() => link.caller.unary(Unary, '', {}));
      await link.pair.settled();
      link.pair.server.hold();
      for (const answer of answers) {
        // The first fills the pipe, the second waits, the third meets the bound.
        answer(TEXT);
        await link.pair.settled();
      }
      link.pair.server.release();
      expect(await outcomes(calls)).toEqual([TEXT, TEXT, then === 'ends' ? ended : TEXT]);
      const counted = { unsentStreams: then === 'ends' ? 1 : 0, stalledConnections: 0 };
      expect(link.server.counters).toMatchObject(counted);
      // The connection goes on.
      const next = link.caller.unary(Unary, '', {});
      await link.pair.settled();
      answers.at(-1)?.('next');
      expect(await link.result(next)).toBe('next');
    },
  );

  it.each([
    [RESPONSE + 1, 'sends'],
    [RESPONSE, 'sends'],
    [RESPONSE - 1, 'ends'],
  ])(
    'of a server of %i bytes, with 112 waiting, %s the stream that has a message next',
    async (max, then) => {
      const { link, answers, outcomes } = start(max);
      const calls = [1, 2].map((): Promise<unknown> => link.caller.unary(Unary, '', {}));
      await link.pair.settled();
      calls.push(collect(link.caller.serverStreaming(Download, '', {})));
      await link.pair.settled();
      link.pair.server.hold();
      for (const answer of answers) {
        answer(TEXT);
        await link.pair.settled();
      }
      link.pair.server.release();
      expect(await outcomes(calls)).toEqual([TEXT, TEXT, then === 'ends' ? ended : [TEXT]]);
      expect(link.server.counters.unsentStreams).toBe(then === 'ends' ? 1 : 0);
    },
  );

  it('lets no status but a short one behind what is too much', async () => {
    const { link, answers, outcomes } = start(RESPONSE - 1);
    link.add(Chat, (call) => {
      void call.requests?.next().then(() => call.fail({ code: 5, message: 'x'.repeat(1000) }));
    });
    const calls = [1, 2].map((): Promise<unknown> => link.caller.unary(Unary, '', {}));
    await link.pair.settled();
    async function* requests(): AsyncGenerator<string> {
      yield await new Promise<string>((resolve) => answers.push(resolve));
    }
    calls.push(collect(link.caller.bidirectional(Chat, requests(), {})));
    await link.pair.settled();
    link.pair.server.hold();
    for (const answer of answers) {
      answer(TEXT);
      await link.pair.settled();
    }
    link.pair.server.release();
    const [, , status] = await outcomes(calls);
    expect(status).toMatchObject({ code: 5, details: 'x'.repeat(200) });
  });

  it.each([
    [MESSAGE + 1, 0],
    [MESSAGE, 0],
    [MESSAGE - 1, 1],
  ])(
    'of a client of %i bytes, with 110 waiting, ends %i streams that send more',
    async (max, counted) => {
      const link = new Link(
        { Chat: () => new Promise(() => {}) },
        { client: { maxSendBufferBytes: max } },
      );
      const errors: unknown[] = [];
      link.pair.client.hold();
      // A source that does not wait for room, as no iterable does.
      const call = new StreamClientCall(Chat, {
        options: {},
        defaultTimeoutMs: Infinity,
        listener: {
          onMessage() {},
          onEnd() {},
          onDrain() {},
          onError: (error) => errors.push(error),
        },
      });
      link.start(call);
      await link.pair.settled();
      call.send(TEXT);
      call.send(TEXT);
      expect(errors).toEqual(counted === 0 ? [] : [expect.any(BufferFullError)]);
      expect(link.client.counters.unsentStreams).toBe(counted);
      expect(link.client.closed).toBe(false);
    },
  );

  it.each([
    [2 * (256 + 1) + 1, 0],
    [2 * (256 + 1), 0],
    [2 * (256 + 1) - 1, 1],
  ])(
    'of a client of %i bytes, with 257 waiting, ends %i calls before they are sent',
    (max, count) => {
      const counters = new LimitCounters();
      const queue = new CallQueue(max, counters);
      const errors: unknown[] = [];
      const settings = { resolve() {}, reject: (error: unknown) => void errors.push(error) };
      for (let n = 0; n < 2; n++) queue.add(new UnaryClientCall(Unary, 'a', settings, Infinity));
      expect(errors).toHaveLength(count);
      expect(counters.unsentStreams).toBe(count);
    },
  );
});
