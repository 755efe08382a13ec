import { describe, expect, it, vi } from 'vitest';
import { BufferFullError, UsageError, type TtrpcError } from '../../lib/errors.js';
import type { CallOptions } from '../../lib/rpc/call.js';
import { StreamClientCall } from '../../lib/rpc/client-stream-call.js';
import { Link, type LinkSetup } from './link.js';
import { Chat, Download, NOT_A_TEXT } from './text-service.js';

/** A raw call and what it brought. */
interface Raw {
  readonly link: Link;
  readonly call: StreamClientCall<string, string>;
  readonly events: string[];
  error: TtrpcError | undefined;
}

/** A call that has not been started. */
function make(
  method = Chat,
  setup: LinkSetup = {},
  request?: string,
  options: CallOptions = {},
): Raw {
  const link = new Link(
    {
      async *Chat(requests: AsyncIterable<string>) {
        for await (const text of requests) yield text;
      },
      Download: (text: string) => [text],
    },
    setup,
  );
  const events: string[] = [];
  const listener = {
    onMessage: (message: string, size: number) => void events.push(`${message} ${size}`),
    onEnd: () => void events.push('end'),
    onError(error: TtrpcError) {
      events.push(error.name);
      raw.error = error;
    },
    onDrain: () => void events.push('drain'),
  };
  const given = request === undefined ? {} : { request };
  const settings = { options, defaultTimeoutMs: Infinity, listener, ...given };
  const raw: Raw = { link, call: new StreamClientCall(method, settings), events, error: undefined };
  return raw;
}

describe('StreamClientCall', () => {
  it('keeps what is sent before it starts, and sends it in order', async () => {
    const { call, link, events } = make();
    expect(call.send('a')).toBe(false);
    expect(call.send('')).toBe(false);
    link.start(call);
    expect(events).toEqual(['drain']);
    expect(call.send('c')).toBe(true);
    call.endMessages();
    call.endMessages();
    await link.pair.settled();
    expect(link.sentByClient()).toEqual(['1 1/6', '1 3/0 a', '1 3/0', '1 3/0 c', '1 3/5']);
    expect(events).toEqual(['drain', 'a 1', ' 0', 'c 1', 'end']);
    expect(call.pending).toBe(false);
  });

  it('remembers an end that is said before it starts', async () => {
    const { call, link, events } = make();
    call.send('a');
    call.endMessages();
    expect(() => call.send('b')).toThrow(UsageError);
    link.start(call);
    await link.pair.settled();
    expect(link.sentByClient()).toEqual(['1 1/6', '1 3/0 a', '1 3/5']);
    expect(events).toEqual(['a 1', 'end']);
  });

  it('fails on an early message that cannot be serialised or is too large', async () => {
    const odd = make();
    expect(odd.call.send(NOT_A_TEXT)).toBe(true);
    expect(odd.error).toMatchObject({ code: 13 });
    const large = make(Chat, { client: { maxPayloadBytes: 1024 } });
    large.call.send('x'.repeat(1025));
    large.call.send('b');
    large.link.start(large.call);
    await large.link.pair.settled();
    expect(large.error).toMatchObject({ code: 8, limit: 1024 });
    expect(large.link.sentByClient()).toEqual([]);
  });

  it.each([
    [(4 << 20) - 1, 0],
    [4 << 20, 0],
    [(4 << 20) + 1, 1],
  ])('keeps %i of 4 MiB of early messages, and ends %i calls', (bytes, ended) => {
    const many = make();
    many.call.send('x'.repeat(1 << 20));
    many.call.send('x'.repeat(bytes - (1 << 20)));
    expect(many.error).toEqual(ended === 0 ? undefined : expect.any(BufferFullError));
  });

  it('takes one early message of any length that the connection may allow', async () => {
    const { call, link, error } = make(Chat, { client: { maxPayloadBytes: 8 << 20 } });
    expect(call.send('x'.repeat(5 << 20))).toBe(false);
    expect(error).toBeUndefined();
    link.start(call);
    await link.pair.settled();
    expect(link.sentByClient().map((frame) => frame.length)).toEqual([5, 6 + (5 << 20)]);
  });

  it('leaves its half open at its deadline, whoever ends its messages then', async () => {
    vi.useFakeTimers();
    const { call, link, events } = make(Chat, {}, undefined, { timeoutMs: 100 });
    link.start(call);
    await link.pair.settled();
    link.pair.server.hold();
    await vi.advanceTimersByTimeAsync(101);
    call.endMessages();
    await link.pair.settled();
    expect(events).toEqual(['drain', 'StatusError']);
    expect(link.sentByClient()).toEqual(['1 1/6']);
    await vi.advanceTimersByTimeAsync(1000);
    await link.pair.settled();
    expect(link.sentByClient()).toEqual(['1 3/5']);
    vi.useRealTimers();
  });

  it('sends nowhere after its end', async () => {
    const { call, link, events } = make();
    link.start(call);
    await link.pair.settled();
    call.cancel('enough');
    expect(call.send('a')).toBe(true);
    await link.pair.settled();
    expect(events).toEqual(['drain', 'StatusError']);
    expect(link.sentByClient()).toEqual(['1 1/6', '1 3/5']);
  });

  it('says when there is room again, and not after its messages have ended', async () => {
    const { call, link, events } = make();
    link.pair.client.hold();
    link.start(call);
    await link.pair.settled();
    expect(call.send('a')).toBe(false);
    link.pair.client.release();
    await link.pair.settled();
    expect(events).toEqual(['drain', 'drain', 'a 1']);
    link.pair.client.hold();
    call.send('b');
    await link.pair.settled();
    call.send('c');
    call.endMessages();
    link.pair.client.release();
    await link.pair.settled();
    expect(events.filter((event) => event === 'drain')).toHaveLength(2);
    expect(events.at(-1)).toBe('end');
  });

  it('waits for room when the connection that it starts on has none', async () => {
    const { call, link, events } = make();
    link.pair.client.hold();
    link.start(make().call);
    const other = make().call;
    link.start(other);
    await link.pair.settled();
    link.start(call);
    expect(events).toEqual([]);
    link.pair.client.release();
    await link.pair.settled();
    expect(events).toEqual(['drain']);
  });

  it('fails when it sends more than may wait for a peer that does not read', async () => {
    const raw = make(Chat, { client: { maxSendBufferBytes: 100_000 } });
    const { call, link, events } = raw;
    link.pair.client.hold();
    link.start(call);
    await link.pair.settled();
    for (let n = 0; n < 100 && call.pending; n++) call.send('x'.repeat(10_000));
    expect(raw.error).toBeInstanceOf(BufferFullError);
    expect(events).toEqual(['drain', 'BufferFullError']);
    expect(link.client.closed).toBe(false);
  });

  it('encodes its one request when it is queued, so that later changes do not matter', async () => {
    const { call, link, events } = make(Download, {}, 'abc');
    expect(call.freeze()).toBe(3);
    link.start(call);
    await link.pair.settled();
    expect(events).toEqual(['drain', 'abc 3', 'end'].slice(1));
  });
});
