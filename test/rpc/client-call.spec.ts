import { getEventListeners } from 'node:events';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  BufferFullError,
  ConnectionError,
  PayloadTooLargeError,
  type StatusError,
  UsageError,
} from '../../lib/errors.js';
import type { CallContext } from '../../lib/rpc/call.js';
import { UnaryClientCall } from '../../lib/rpc/client-call.js';
import type { PayloadTarget } from '../../lib/rpc/payload-codec.js';
import { Link, type LinkSetup } from './link.js';
import { Chat, collect, Download, Unary, Upload } from './text-service.js';

const never = (): Promise<never> => new Promise(() => {});

/** A link whose handlers never end by themselves. */
const silent = (setup?: LinkSetup): Link =>
  new Link(
    {
      Unary: never,
      async *Download() {
        yield 'first';
        await never();
      },
      Upload: never,
      async *Chat(requests: AsyncIterable<string>) {
        for await (const request of requests) yield request;
        await never();
      },
    },
    setup,
  );

/** Requests that go on until somebody returns them. */
function endless(): { requests: AsyncIterable<string>; returned: () => boolean } {
  let returned = false;
  const iterator: AsyncIterator<string> = {
    next: never,
    return() {
      returned = true;
      return Promise.resolve({ done: true, value: undefined });
    },
  };
  return { requests: { [Symbol.asyncIterator]: () => iterator }, returned: () => returned };
}

/** A call of each kind that will not end by itself. */
function startAll(
  link: Link,
  options: object,
): { calls: Promise<unknown>[]; returned: () => boolean } {
  const { requests, returned } = endless();
  const calls = [
    link.caller.unary(Unary, '', options),
    collect(link.caller.serverStreaming(Download, '', options)),
    link.caller.clientStreaming(Upload, requests, options),
    collect(link.caller.bidirectional(Chat, requests, options)),
  ];
  return { calls, returned };
}

const OPENED = ['1 1/0', '3 1/1', '5 1/6', '7 1/6'];

beforeEach(() => void vi.useFakeTimers());
afterEach(() => {
  expect(vi.getTimerCount()).toBe(0);
  vi.useRealTimers();
});

describe('ClientCall', () => {
  it('sends nothing when its deadline has passed before it starts', async () => {
    const link = silent();
    for (const error of await link.failures(startAll(link, { deadline: Date.now() - 1 }).calls)) {
      expect(error).toMatchObject({ code: 4, details: 'deadline exceeded', origin: 'local' });
    }
    expect(link.sentByClient()).toEqual([]);
  });

  it('sends nothing when its deadline has passed by the time it can be started', async () => {
    const link = silent();
    const failure = new Promise((resolve, reject) => {
      const settings = {
        options: { timeoutMs: 100 },
        resolve: reject,
        reject: resolve,
      };
      const call = new UnaryClientCall(Unary, '', settings, Infinity);
      call.watch();
      // The event loop was busy: its timer has not been served yet.
      const now = vi.spyOn(performance, 'now').mockReturnValue(performance.now() + 101);
      call.start(link.client);
      now.mockRestore();
    });
    expect(await link.result(failure)).toMatchObject({ code: 4, origin: 'local' });
    expect(link.sentByClient()).toEqual([]);
  });

  it('gives up at its deadline, whoever does not answer, and closes an open half later', async () => {
    const link = silent();
    const { calls, returned } = startAll(link, { timeoutMs: 100 });
    const failures = link.failures(calls);
    await link.pair.settled();
    expect(link.sentByClient()).toEqual(OPENED);
    link.pair.server.hold();
    await vi.advanceTimersByTimeAsync(101);
    for (const error of await failures) expect(error).toMatchObject({ code: 4, origin: 'local' });
    await link.pair.settled();
    // Before the server's own deadline a half-close would pass for the end of all messages.
    expect(link.sentByClient()).toEqual([]);
    await vi.advanceTimersByTimeAsync(1000);
    await link.pair.settled();
    expect(link.sentByClient()).toEqual(['5 3/5', '7 3/5']);
    expect(returned()).toBe(true);
    expect(link.client.openStreams).toBe(0);
  });

  it('takes back at its deadline what still waits to leave', async () => {
    const link = silent();
    link.pair.client.hold();
    const held = link.failure(link.caller.unary(Unary, '', {}));
    await link.pair.settled();
    const { calls } = startAll(link, { timeoutMs: 100 });
    const failures = link.failures(calls);
    await link.pair.settled();
    await vi.advanceTimersByTimeAsync(101);
    for (const error of await failures) expect(error).toMatchObject({ code: 4, origin: 'local' });
    link.pair.client.release();
    await link.pair.settled();
    // Of those between others a frame is left that every peer ignores.
    const types = link.sentByClient().map((frame) => frame.split(/[ /]/)[1]);
    expect(types.filter((type) => type !== '0')).toEqual(['1']);
    expect(link.client.openStreams).toBe(1);
    link.client.destroy();
    await held;
  });

  it('refuses a call that a codec makes while it writes, and only that', async () => {
    const link = new Link({ Unary: (text: string) => text });
    let inner: Promise<unknown> | undefined;
    const request = {
      ...Unary.request,
      write(message: string, target: PayloadTarget) {
        inner = link.failure(link.caller.unary(Unary, 'inner', {}));
        Unary.request.write(message, target);
      },
    };
    expect(await link.result(link.caller.unary({ ...Unary, request }, 'outer', {}))).toBe('outer');
    expect(await inner).toBeInstanceOf(UsageError);
  });

  it.each([
    [99, 0],
    [100, 1],
    [101, 1],
  ])(
    "after %i of the client's 100 ms has ended %i calls, not one that lifts it",
    async (ms, ended) => {
      const link = silent({ timeoutMs: 100 });
      const codes: unknown[] = [];
      const start = (options: object): void =>
        void link.caller
          .unary(Unary, '', options)
          .catch(({ code }: StatusError) => void codes.push(code));
      const controller = new AbortController();
      start({});
      start({ timeoutMs: Infinity, signal: controller.signal });
      await vi.advanceTimersByTimeAsync(ms);
      await link.pair.settled();
      expect(codes).toEqual(ended === 0 ? [] : [4]);
      await vi.advanceTimersByTimeAsync(1000);
      controller.abort();
      await link.pair.settled();
      expect(codes).toEqual([4, 1]);
    },
  );

  it('tells the server the time that is left when it is written', async () => {
    let left = 0;
    const link = new Link({
      Unary(_: string, { deadline }: CallContext) {
        left = (deadline as Date).getTime() - Date.now();
        return '';
      },
    });
    await link.result(link.caller.unary(Unary, '', { timeoutMs: 60_000 }));
    expect(left).toBeGreaterThan(59_000);
    expect(left).toBeLessThanOrEqual(60_000);
    await link.result(link.caller.unary(Unary, '', { timeoutMs: 1e300 }));
    expect(left).toBeGreaterThan(9e12);
  });

  it('sends nothing when its signal has aborted, and says why', async () => {
    const link = silent();
    const signal = AbortSignal.abort('changed my mind');
    for (const error of await link.failures(startAll(link, { signal }).calls)) {
      expect(error).toMatchObject({
        code: 1,
        details: 'call was cancelled',
        cause: 'changed my mind',
        origin: 'local',
      });
    }
    expect(link.sentByClient()).toEqual([]);
  });

  it('gives up when its signal aborts, and closes an open half', async () => {
    const link = silent();
    const controller = new AbortController();
    const { calls, returned } = startAll(link, { signal: controller.signal, timeoutMs: 1000 });
    const failures = link.failures(calls);
    await link.pair.settled();
    link.sentByClient();
    controller.abort();
    for (const error of await failures) expect(error).toMatchObject({ code: 1, origin: 'local' });
    await link.pair.settled();
    expect(link.sentByClient()).toEqual(['5 3/5', '7 3/5']);
    expect(returned()).toBe(true);
    // Only the server's deadlines are left, which share a timer.
    expect(vi.getTimerCount()).toBe(1);
    await vi.advanceTimersByTimeAsync(1001);
  });

  it('leaves no listener on a signal, however it ends', async () => {
    const controller = new AbortController();
    const { signal } = controller;
    const add = vi.spyOn(signal, 'addEventListener');
    const remove = vi.spyOn(signal, 'removeEventListener');
    const link = new Link({
      Unary: (request: string) => (request === 'bad' ? Promise.reject(new Error('no')) : request),
      Upload: () => 'done',
    });
    await link.result(link.caller.unary(Unary, 'good', { signal }));
    await link.failure(link.caller.unary(Unary, 'bad', { signal }));
    await link.result(link.caller.clientStreaming(Upload, [], { signal }));
    const lost = link.caller.unary(Unary, 'good', { signal });
    link.client.destroy();
    await link.failure(lost);
    expect(add).toHaveBeenCalledTimes(4);
    const listeners = add.mock.calls.map(([, listener]) => listener);
    expect(remove.mock.calls.map(([, listener]) => listener)).toEqual(listeners);
    controller.abort();
    await link.pair.settled();
  });

  it('keeps one listener on a signal, to how many calls it is given', async () => {
    const link = silent();
    const controller = new AbortController();
    const { signal } = controller;
    const calls = Array.from({ length: 30 }, () => link.caller.unary(Unary, '', { signal }));
    expect(getEventListeners(signal, 'abort')).toHaveLength(1);
    controller.abort();
    for (const error of await link.failures(calls)) expect(error).toMatchObject({ code: 1 });
  });

  it.each([
    [43, true],
    [44, true],
    [45, false],
  ])('sends metadata of %i bytes, of which 44 are allowed: %s', async (size, sent) => {
    const link = new Link({ Unary: () => 'yes' }, { client: { maxMetadataBytes: 44 } });
    const metadata = { k: 'x'.repeat(size - 32 - 5) };
    const outcome = link.caller.unary(Unary, '', { metadata });
    if (sent) return expect(await link.result(outcome)).toBe('yes');
    const text = 'metadata of 45 bytes is above the limit of 44 (maxMetadataBytes)';
    expect(await link.failure(outcome)).toMatchObject({ code: 8, origin: 'local', details: text });
    expect(link.sentByClient()).toEqual([]);
  });

  it.each(['leaving the loop', 'throwing in the loop'])('is cancelled by %s', async (how) => {
    const link = silent();
    const loop = async (responses: AsyncIterable<string>): Promise<void> => {
      for await (const _ of responses) {
        if (how === 'leaving the loop') break;
        throw new Error('thrown');
      }
    };
    const { requests, returned } = endless();
    const settled = Promise.allSettled([
      loop(link.caller.serverStreaming(Download, '', {})),
      loop(
        link.caller.bidirectional(
          Chat,
          (async function* () {
            yield 'a';
            yield* requests;
          })(),
          {},
        ),
      ),
    ]);
    await link.result(settled);
    await link.pair.settled();
    expect(link.sentByClient()).toEqual(['1 1/1', '3 1/6', '3 3/0 a', '3 3/5']);
    expect(link.client.openStreams).toBe(0);
    // A generator that waits hears of its return when it goes on; this one waits for ever.
    expect(returned()).toBe(false);
  });

  it('ignores what still arrives for a call that was given up', async () => {
    const link = silent();
    const controller = new AbortController();
    const failure = link.failure(link.caller.unary(Unary, '', { signal: controller.signal }));
    await link.pair.settled();
    controller.abort();
    await failure;
    link.server.reject(1, { code: 5, message: 'late', details: [] });
    await link.pair.settled();
    expect(link.client.closed).toBe(false);
  });

  it('fails on an oversized request; the connection goes on', async () => {
    const link = new Link({ Unary: (text: string) => text }, { client: { maxPayloadBytes: 1024 } });
    const error = await link.failure(link.caller.unary(Unary, 'x'.repeat(1100), {}));
    expect(error).toBeInstanceOf(PayloadTooLargeError);
    expect(error).toMatchObject({ code: 8, limit: 1024 });
    expect(link.sentByClient()).toEqual([]);
    expect(await link.result(link.caller.unary(Unary, 'x', {}))).toBe('x');
  });

  it('fails on an oversized message of a request stream, and takes back what has not left', async () => {
    const link = silent({ client: { maxPayloadBytes: 1024 } });
    const requests = ['a', 'x'.repeat(1025), 'b'];
    const error = await link.failure(link.caller.clientStreaming(Upload, requests, {}));
    expect(error).toMatchObject({ code: 8, length: 1025, limit: 1024 });
    expect(link.sentByClient()).toEqual([]);
  });

  it('takes a message of exactly the limit', async () => {
    const link = new Link({ Upload: collect }, { client: { maxPayloadBytes: 1024 } });
    link.add(Chat, (call) => call.end());
    const call = link.caller.clientStreaming(Upload, ['x'.repeat(1024)], {});
    expect(await link.failure(call)).toMatchObject({ code: 13, origin: 'remote' });
  });

  it('fails on a response and on a message above the limit; the connection goes on', async () => {
    const link = new Link(
      {
        Unary: (text: string) => 'x'.repeat(Number(text)),
        Download: (text: string) => ['a', 'x'.repeat(Number(text)), 'b'],
      },
      { client: { maxPayloadBytes: 1024 } },
    );
    expect(await link.failure(link.caller.unary(Unary, '1100', {}))).toMatchObject({ code: 8 });
    const responses = link.caller.serverStreaming(Download, '1100', {});
    const got: string[] = [];
    const loop = async (): Promise<void> => {
      for await (const text of responses) got.push(text);
    };
    expect(await link.failure(loop())).toMatchObject({ code: 8, length: 1100, limit: 1024 });
    expect(got).toEqual(['a']);
    expect(await link.result(link.caller.unary(Unary, '1', {}))).toBe('x');
    expect(link.client.openStreams).toBe(0);
  });

  it.each<[string, (link: Link) => void, object]>([
    ['ends', (link) => link.pair.client.receiveEnd(), { reason: 'eof' }],
    [
      'breaks',
      (link) => link.pair.client.fail(new Error('read ECONNRESET')),
      { reason: 'io', cause: new Error('read ECONNRESET') },
    ],
    ['is closed by this side', (link) => link.client.close(), { reason: 'local' }],
    [
      'speaks something else',
      (link) => link.pair.client.receive(Buffer.from('HTTP/1.1 200 OK')),
      { reason: 'protocol' },
    ],
  ])('fails every call in flight when the connection %s', async (_, lose, facts) => {
    const link = silent();
    const { calls, returned } = startAll(link, { timeoutMs: 1000 });
    const failures = link.failures(calls);
    await link.pair.settled();
    lose(link);
    for (const error of await failures) {
      expect(error).toBeInstanceOf(ConnectionError);
      expect(error).toMatchObject({ code: 14, address: 'server', requestWritten: true, ...facts });
    }
    expect(returned()).toBe(true);
  });

  it('says that a request had not been written when it had not', async () => {
    const link = silent();
    link.pair.client.hold();
    const written = link.failure(link.caller.unary(Unary, '', {}));
    await link.pair.settled();
    const waiting = link.failure(link.caller.unary(Unary, '', {}));
    await link.pair.settled();
    link.client.destroy();
    expect(await written).toMatchObject({ reason: 'local', requestWritten: true });
    expect(await waiting).toMatchObject({ reason: 'local', requestWritten: false });
  });

  it('fails a call whose peer breaks the protocol on its stream', async () => {
    const link = silent();
    const call = link.failure(link.caller.unary(Unary, '', {}));
    await link.pair.settled();
    //                         length   stream   type flags payload
    const bytes = Buffer.from('00000001 00000001 02   00    ff'.replaceAll(' ', ''), 'hex');
    link.pair.client.receive(bytes);
    expect(await call).toMatchObject({ code: 13, details: expect.stringContaining('peer broke') });
  });
});

describe('StreamClientCall', () => {
  it('pauses its source while the connection takes no more', async () => {
    const link = silent();
    let made = 0;
    async function* requests(): AsyncGenerator<string> {
      while (made < 1000) {
        made += 1;
        yield 'x'.repeat(10_000);
      }
    }
    link.pair.client.hold();
    const controller = new AbortController();
    const call = link.failure(
      link.caller.clientStreaming(Upload, requests(), { signal: controller.signal }),
    );
    await link.pair.settled();
    const heldAt = made;
    expect(heldAt).toBeLessThan(20);
    for (let passes = 0; passes < 4; passes++) {
      link.pair.client.pass();
      await link.pair.settled();
    }
    expect(made).toBeGreaterThan(heldAt);
    expect(made).toBeLessThan(40);
    controller.abort();
    expect(await call).toMatchObject({ code: 1 });
  });

  it('fails with RESOURCE_EXHAUSTED when its consumer stalls, while others go on', async () => {
    const link = new Link(
      {
        Unary: (text: string) => text,
        async *Download() {
          for (let n = 0; n < 20; n++) yield 'x'.repeat(1000);
          await never();
        },
      },
      { client: { maxStreamBufferBytes: 4096, stallTimeoutMs: 500 } },
    );
    const slow = link.caller.serverStreaming(Download, '', {})[Symbol.asyncIterator]();
    await link.result(slow.next());
    await link.pair.settled();
    expect(link.pair.client.asked).toEqual(['pause']);
    const other = link.caller.unary(Unary, 'other', {});
    await link.pair.settled();
    await vi.advanceTimersByTimeAsync(500);
    expect(await link.result(other)).toBe('other');
    const error = await link.failure(slow.next());
    expect(error).toBeInstanceOf(BufferFullError);
    expect((error as StatusError).code).toBe(8);
    expect(link.pair.client.asked).toEqual(['pause', 'resume']);
    expect(link.client.openStreams).toBe(0);
  });

  it('is read as fast as its consumer takes messages', async () => {
    let made = 0;
    const link = new Link(
      {
        async *Download() {
          while (made < 500) {
            made += 1;
            yield 'x'.repeat(10_000);
          }
        },
      },
      { client: { maxStreamBufferBytes: 50_000 } },
    );
    link.pair.server.hold();
    const responses = link.caller.serverStreaming(Download, '', {})[Symbol.asyncIterator]();
    const first = responses.next();
    await link.pair.settled();
    link.pair.server.pass();
    await link.result(first);
    for (let batch = 0; batch < 10; batch++) {
      link.pair.server.pass();
      await link.pair.settled();
    }
    expect(link.pair.client.asked).toContain('pause');
    expect(made).toBeLessThan(40);
    await link.result(Promise.resolve(responses.return?.()));
    link.pair.server.release();
    await link.pair.settled();
  });
});
