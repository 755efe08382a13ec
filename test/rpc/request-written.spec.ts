import { describe, expect, it } from 'vitest';
import { BufferFullError, type TtrpcError } from '../../lib/errors.js';
import { LimitCounters } from '../../lib/protocol/limit-counters.js';
import { CallQueue } from '../../lib/rpc/call-queue.js';
import { UnaryClientCall } from '../../lib/rpc/client-call.js';
import { Link } from './link.js';
import { Chat, collect, Download, NOT_A_TEXT, Unary, UNREADABLE, Upload } from './text-service.js';

const never = (): Promise<never> => new Promise(() => {});

/** A link whose unary handler gives what it is asked for, and never answers `wait`. */
const makeLink = (): Link =>
  new Link(
    {
      Unary(text: string) {
        if (text === 'fail') throw new Error('no');
        return text === 'wait' ? never() : text.startsWith('x') ? text.repeat(2) : text;
      },
      Download: (text: string) => [text, 7],
      Upload: never,
      async *Chat(requests: AsyncIterable<string>) {
        yield* requests;
      },
    },
    { client: { maxPayloadBytes: 1024, maxMetadataBytes: 100 } },
  );

/** The pipe takes one call's bytes and no more, so that the next one's wait. */
async function fill(link: Link): Promise<void> {
  link.pair.client.hold();
  link.caller.unary(Unary, 'wait', {}).catch(() => {});
  await link.pair.settled();
}

describe('requestWritten', () => {
  it.each<[string, (link: Link) => Promise<unknown>]>([
    ['had aborted', ({ caller }) => caller.unary(Unary, 'a', { signal: AbortSignal.abort() })],
    ['was over in time', ({ caller }) => caller.unary(Unary, 'a', { deadline: Date.now() - 1 })],
    ['can not be serialised', ({ caller }) => caller.unary(Unary, NOT_A_TEXT, {})],
    ['is too long', ({ caller }) => caller.unary(Unary, 'x'.repeat(2000), {})],
    [
      'has too much metadata',
      ({ caller }) => caller.unary(Unary, 'a', { metadata: { key: 'x'.repeat(100) } }),
    ],
  ])('is false of a call that %s', async (_, call) => {
    const link = makeLink();
    expect(await link.failure(call(link))).toMatchObject({ requestWritten: false });
    expect(link.sentByClient()).toEqual([]);
  });

  it('is false of a call that is given up while it waits to be written', async () => {
    const link = makeLink();
    await fill(link);
    const controller = new AbortController();
    const { signal } = controller;
    const calls = [
      link.caller.unary(Unary, 'a', { signal }),
      collect(link.caller.serverStreaming(Download, 'a', { signal })),
      link.caller.clientStreaming(Upload, ['a'], { signal }),
    ].map((call) => link.failure(call));
    await link.pair.settled();
    controller.abort();
    for (const call of calls) expect(await call).toMatchObject({ requestWritten: false });
    link.client.destroy();
  });

  it('is false of a call that finds the queue full', () => {
    const errors: TtrpcError[] = [];
    const makeCall = (): UnaryClientCall<string, string> =>
      new UnaryClientCall(
        Unary,
        'a',
        { resolve() {}, reject: (error) => errors.push(error) },
        Infinity,
      );
    const queue = new CallQueue(1, new LimitCounters());
    queue.add(makeCall());
    queue.add(makeCall());
    expect(errors).toEqual([expect.any(BufferFullError)]);
    expect(errors[0]).toMatchObject({ requestWritten: false });
  });

  it.each<[string, (link: Link) => Promise<unknown>]>([
    ['is answered with a status', ({ caller }) => caller.unary(Unary, 'fail', {})],
    ['is answered with too much', ({ caller }) => caller.unary(Unary, 'x'.repeat(800), {})],
    ['sends what the server can not read', ({ caller }) => caller.unary(Unary, UNREADABLE, {})],
    ['fails in its midst', ({ caller }) => collect(caller.serverStreaming(Download, 'a', {}))],
    [
      'fails to serialise its second message',
      ({ caller }) => collect(caller.bidirectional(Chat, later(), {})),
    ],
  ])('is true of a call that %s', async (_, call) => {
    const link = makeLink();
    expect(await link.failure(call(link))).toMatchObject({ requestWritten: true });
  });

  it('is true of a call that is given up once its request has left', async () => {
    const link = makeLink();
    const controller = new AbortController();
    const call = link.failure(link.caller.unary(Unary, 'wait', { signal: controller.signal }));
    await link.pair.settled();
    controller.abort();
    expect(await call).toMatchObject({ code: 1, requestWritten: true });
  });
});

/** A message, and when that has left something that is none. */
async function* later(): AsyncGenerator<string> {
  yield 'a';
  for (let turns = 0; turns < 5; turns++) await new Promise((resolve) => setImmediate(resolve));
  yield NOT_A_TEXT;
}
