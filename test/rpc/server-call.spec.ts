import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { BufferFullError, StatusError } from '../../lib/errors.js';
import type { CallContext } from '../../lib/rpc/call.js';
import type { ServerCall } from '../../lib/rpc/server-call.js';
import { Link } from './link.js';
import { Chat, collect, Download, NOT_A_TEXT, Unary, UNREADABLE, Upload } from './text-service.js';

const never = (): Promise<never> => new Promise(() => {});

const HIDDEN = { code: 2, details: 'Internal server error', origin: 'remote' };

const uncaught = vi.fn();

beforeEach(() => {
  vi.useFakeTimers();
  uncaught.mockClear();
  process.on('unhandledRejection', uncaught);
  process.on('uncaughtException', uncaught);
});
afterEach(() => {
  process.off('unhandledRejection', uncaught);
  process.off('uncaughtException', uncaught);
  expect(uncaught).not.toHaveBeenCalled();
  expect(vi.getTimerCount()).toBe(0);
  vi.useRealTimers();
});

/** Calls all four kinds, with a message where a stream takes one. */
function callAll(link: Link): Promise<unknown>[] {
  return [
    link.caller.unary(Unary, 'a', {}),
    collect(link.caller.serverStreaming(Download, 'a', {})),
    link.caller.clientStreaming(Upload, ['a'], {}),
    collect(link.caller.bidirectional(Chat, ['a'], {})),
  ];
}

/** Requests that do not end. */
async function* open(messages = ['a']): AsyncGenerator<string> {
  yield* messages;
  await never();
}

/** The same function behind every kind. */
const everywhere = (handler: (...args: never[]) => unknown, setup = {}): Link => {
  const anything = handler as never;
  return new Link({ Unary: anything, Download: anything, Upload: anything, Chat: anything }, setup);
};

const thrown: [string, unknown][] = [
  ['an error', new Error('secret')],
  ['a string', 'secret'],
  ['undefined', undefined],
  ['null', null],
  ['an object without a prototype', Object.create(null)],
  [
    'an object whose getter throws',
    {
      get code() {
        throw new Error('boom');
      },
    },
  ],
  ['a status error that is OK', new StatusError({ code: 0, message: 'Internal server error' })],
];

describe('ServerCall', () => {
  it.each(thrown)('answers when a handler throws %s', async (name, value) => {
    const onHandlerError = vi.fn();
    const link = everywhere(
      () => {
        throw value;
      },
      { onHandlerError },
    );
    for (const error of await link.failures(callAll(link))) expect(error).toMatchObject(HIDDEN);
    expect(onHandlerError).toHaveBeenCalledTimes(name.startsWith('a status') ? 0 : 4);
    expect(link.server.openStreams).toBe(0);
  });

  it.each(thrown)('answers when a handler rejects with %s', async (_, value) => {
    const reject = (): Promise<never> => Promise.reject(value);
    const link = new Link({
      Unary: reject,
      Upload: reject,
      async *Download() {
        yield await reject();
      },
      async *Chat() {
        yield await reject();
      },
    });
    for (const error of await link.failures(callAll(link))) expect(error).toMatchObject(HIDDEN);
  });

  it('keeps the status that a handler throws, with its details', async () => {
    const details = [{ typeUrl: 'pkg.Detail', value: Buffer.from('x') }];
    const status = { code: 9, message: 'not now', details };
    const link = everywhere(() => {
      throw new StatusError(status);
    });
    for (const error of await link.failures(callAll(link))) {
      expect(error).toMatchObject({ code: 9, details: 'not now', status });
    }
  });

  it('tells the message of an unknown error when it is to', async () => {
    const fail = (): never => {
      throw new Error('disk full');
    };
    const link = everywhere(fail, { exposeErrorMessages: true });
    for (const error of await link.failures(callAll(link))) {
      expect(error).toMatchObject({ code: 2, details: 'disk full' });
    }
  });

  it('reports an unknown error with its call; a report that fails costs nothing', async () => {
    const error = new Error('secret');
    const reports: unknown[] = [];
    const link = everywhere(() => Promise.reject(error), {
      onHandlerError(reported: unknown, { method }: CallContext) {
        reports.push(reported, method.name);
        throw new Error('logger');
      },
    });
    expect(await link.failure(link.caller.unary(Unary, 'a', {}))).toMatchObject(HIDDEN);
    expect(reports).toEqual([error, 'Unary']);
  });

  it('waits for the iterable that a handler of a response stream promises', async () => {
    const link = everywhere((text: unknown) => Promise.resolve([text]));
    expect(await link.result(collect(link.caller.serverStreaming(Download, 'a', {})))).toEqual([
      'a',
    ]);
    const error = new StatusError({ code: 5, message: 'gone' });
    const broken = everywhere(() => Promise.reject(error));
    const call = collect(broken.caller.bidirectional(Chat, ['a'], {}));
    expect(await broken.failure(call)).toMatchObject({ code: 5, details: 'gone' });
  });

  it.each([undefined, null, 7, 'text', {}])(
    'answers when a handler of a response stream returns %s',
    async (value) => {
      const link = everywhere(() => value);
      const calls = [
        collect(link.caller.serverStreaming(Download, 'a', {})),
        collect(link.caller.bidirectional(Chat, ['a'], {})),
      ];
      for (const error of await link.failures(calls)) {
        expect(error).toMatchObject({
          code: 13,
          details: `handler of a response stream must return an (async) iterable, got ${
            value === null ? 'null' : typeof value
          }`,
        });
      }
    },
  );

  it('answers when what a handler gives cannot be serialised', async () => {
    const link = new Link({
      Unary: () => NOT_A_TEXT,
      Upload: () => Promise.resolve(NOT_A_TEXT),
      Download: () => ['a', NOT_A_TEXT],
      async *Chat() {
        yield NOT_A_TEXT;
      },
    });
    for (const error of await link.failures(callAll(link))) {
      expect(error).toMatchObject({
        code: 13,
        details: 'response message can not be serialised: number is no text',
      });
    }
    expect(link.sentByServer()).toContain('3 3/0 a');
  });

  it('answers when what a handler gives is above the limit; the connection goes on', async () => {
    const big = 'x'.repeat(1100);
    const link = new Link(
      {
        Unary: (text: string) => (text === 'a' ? big : text),
        Upload: () => big,
        Download: () => [big],
        Chat: () => [big],
      },
      { server: { maxPayloadBytes: 1024 } },
    );
    for (const error of await link.failures(callAll(link))) {
      expect(error).toMatchObject({ code: 8, origin: 'remote' });
    }
    expect(await link.result(link.caller.unary(Unary, 'b', {}))).toBe('b');
  });

  it('answers a request, and a message, above its own limit; the connection goes on', async () => {
    const link = new Link(
      { Unary: (text: string) => text, Upload: collect },
      { server: { maxPayloadBytes: 1024 } },
    );
    const big = 'x'.repeat(1100);
    for (const call of [
      () => link.caller.unary(Unary, big, {}),
      () => link.caller.clientStreaming(Upload, [big], {}),
    ]) {
      expect(await link.failure(call())).toMatchObject({ code: 8, origin: 'remote' });
    }
    expect(await link.result(link.caller.unary(Unary, 'b', {}))).toBe('b');
  });

  it('answers with the bare code when text and details are above the limit', async () => {
    const big = 'x'.repeat(5000);
    const link = new Link(
      {
        Unary() {
          throw new StatusError({
            code: 5,
            message: big,
            details: [{ typeUrl: 'x', value: Buffer.from(big) }],
          });
        },
      },
      { server: { maxPayloadBytes: 1024 } },
    );
    expect(await link.failure(link.caller.unary(Unary, 'a', {}))).toMatchObject({
      code: 5,
      status: { code: 5, message: 'x'.repeat(200), details: [] },
    });
  });

  it('answers a request that cannot be read, without a word to the handler', async () => {
    const handler = vi.fn();
    const link = everywhere(handler);
    for (const call of [
      () => link.caller.unary(Unary, UNREADABLE, {}),
      () => collect(link.caller.serverStreaming(Download, UNREADABLE, {})),
    ]) {
      expect(await link.failure(call())).toMatchObject({
        code: 13,
        details: 'ttrpc: error unmarshalling payload: cannot be read',
      });
    }
    expect(handler).not.toHaveBeenCalled();
  });

  it('answers a message that cannot be read, and tells the handler', async () => {
    let seen: unknown;
    const link = new Link({
      async Upload(requests: AsyncIterable<string>) {
        try {
          // A handler that is busy when the message comes hears of it when it asks again.
          for await (const _ of requests) await Promise.resolve();
        } catch (error) {
          seen = error;
        }
        return 'ended';
      },
    });
    const call = link.caller.clientStreaming(Upload, ['a', UNREADABLE, 'b'], {});
    expect(await link.failure(call)).toMatchObject({ code: 13, origin: 'remote' });
    await link.pair.settled();
    expect(seen).toMatchObject({ code: 13 });
  });

  it('tells a handler that is gone from its stream of requests, waiting or busy', async () => {
    for (const busy of [false, true]) {
      let seen: unknown;
      let goOn = (): void => {};
      const link = new Link({
        async Upload(requests: AsyncIterable<string>, { signal }: CallContext) {
          try {
            for await (const _ of requests) {
              if (busy) await new Promise<void>((resolve) => (goOn = resolve));
            }
            seen = 'took it for the end';
          } catch (error) {
            seen = error;
            expect(signal.aborted).toBe(true);
          }
          return '';
        },
      });
      link.caller.clientStreaming(Upload, open(), {}).catch(() => {});
      await link.pair.settled();
      link.pair.server.receiveEnd();
      await link.pair.settled();
      goOn();
      await link.pair.settled();
      expect(seen).toMatchObject({
        code: 1,
        details: expect.stringContaining('caller is gone: connection closed by the peer'),
      });
    }
  });

  it("aborts the signal and runs the generator's finally when the caller's connection is lost", async () => {
    const events: string[] = [];
    const link = new Link({
      Unary: (_: string, { signal }: CallContext) => {
        signal.addEventListener('abort', () => events.push(`unary ${signal.reason.code}`));
        return never();
      },
      async *Download(_: string, { signal }: CallContext) {
        try {
          yield 'a';
          await new Promise((resolve) => signal.addEventListener('abort', resolve));
        } finally {
          events.push('download over');
        }
      },
      async *Chat(requests: AsyncIterable<string>) {
        try {
          for await (const request of requests) yield request;
        } finally {
          events.push('chat over');
        }
      },
    });
    link.caller.unary(Unary, 'a', {}).catch(() => {});
    collect(link.caller.serverStreaming(Download, 'a', {})).catch(() => {});
    collect(link.caller.bidirectional(Chat, open(), {})).catch(() => {});
    await link.pair.settled();
    link.pair.server.receiveEnd();
    await link.pair.settled();
    expect(events.toSorted()).toEqual(['chat over', 'download over', 'unary 1']);
    expect(link.server.openStreams).toBe(0);
  });

  it('gives a signal that has aborted to whoever asks for it late', async () => {
    let context: CallContext | undefined;
    const link = new Link({
      Unary(_: string, given: CallContext) {
        context = given;
        return never();
      },
    });
    link.caller.unary(Unary, 'a', {}).catch(() => {});
    await link.pair.settled();
    link.pair.server.receiveEnd();
    await link.pair.settled();
    expect(context?.signal.aborted).toBe(true);
    expect(context?.signal.reason).toBe((context as ServerCall).cancellation);
  });

  it('answers at the deadline when the handler ignores it, and drops what comes later', async () => {
    let late = (): void => {};
    let signal: AbortSignal | undefined;
    const link = new Link({
      Unary: (_: string, context: CallContext) => {
        signal = context.signal;
        return new Promise<string>((resolve) => (late = () => resolve('late')));
      },
    });
    const call = link.caller.unary(Unary, 'a', { timeoutMs: 100 }).catch((error: unknown) => error);
    await link.pair.settled();
    link.sentByServer();
    await vi.advanceTimersByTimeAsync(101);
    await link.pair.settled();
    expect(link.sentByServer()).toEqual(['1 2/0']);
    expect(signal?.reason).toMatchObject({ code: 4, details: 'deadline exceeded' });
    late();
    await link.pair.settled();
    expect(link.sentByServer()).toEqual([]);
    expect(await call).toMatchObject({ code: 4 });
    expect(link.server.openStreams).toBe(0);
  });

  it('ends a stream at the deadline, its generator too', async () => {
    const events: string[] = [];
    const link = new Link({
      async *Download(_: string, { signal }: CallContext) {
        try {
          yield 'a';
          await new Promise((resolve) => signal.addEventListener('abort', resolve));
          yield 'late';
        } finally {
          events.push('over');
        }
      },
    });
    const call = link.failure(
      collect(link.caller.serverStreaming(Download, 'a', { timeoutMs: 100 })),
    );
    await vi.advanceTimersByTimeAsync(101);
    expect(await call).toMatchObject({ code: 4 });
    await link.pair.settled();
    expect(events).toEqual(['over']);
  });

  it('has no deadline and no metadata when the caller gives none', async () => {
    let seen: unknown[] = [];
    const link = new Link({
      Unary(_: string, { deadline, metadata, signal }: CallContext) {
        seen = [deadline, metadata.size, signal.aborted];
        return '';
      },
    });
    await link.result(link.caller.unary(Unary, '', {}));
    expect(seen).toEqual([undefined, 0, false]);
  });

  it('fails a stream of requests whose handler stalls with RESOURCE_EXHAUSTED; others go on', async () => {
    let goOn = (): void => {};
    let seen: unknown;
    let aborted = false;
    const link = new Link(
      {
        Unary: (text: string) => text,
        async Upload(requests: AsyncIterable<string>, { signal }: CallContext) {
          await new Promise<void>((resolve) => (goOn = resolve));
          try {
            await collect(requests);
          } catch (error) {
            seen = error;
            aborted = signal.aborted;
          }
          return '';
        },
      },
      { server: { maxStreamBufferBytes: 4096, stallTimeoutMs: 500 } },
    );
    const messages = Array.from({ length: 20 }, () => 'x'.repeat(1000));
    const stalled = link.failure(link.caller.clientStreaming(Upload, open(messages), {}));
    const other = link.caller.unary(Unary, 'other', {});
    await link.pair.settled();
    expect(link.pair.server.asked).toEqual(['pause']);
    await vi.advanceTimersByTimeAsync(501);
    expect(await link.result(other)).toBe('other');
    expect(await stalled).toMatchObject({ code: 8, origin: 'remote' });
    expect(link.pair.server.asked).toEqual(['pause', 'resume']);
    goOn();
    await link.pair.settled();
    expect(seen).toMatchObject({ code: 8, cause: expect.any(BufferFullError) as unknown });
    expect(aborted).toBe(true);
  });

  it('answers while requests still come, which are dropped then', async () => {
    const link = new Link({
      async Upload(requests: AsyncIterable<string>) {
        for await (const request of requests) return request;
        return 'none';
      },
    });
    expect(await link.result(link.caller.clientStreaming(Upload, ['a', 'b'], {}))).toBe('a');
    expect(link.server.openStreams).toBe(0);
  });

  it('lets a producer wait for a peer that does not read, and wakes it when it is gone', async () => {
    let made = 0;
    let over = false;
    const link = new Link({
      async *Download() {
        try {
          for (;;) {
            made += 1;
            yield 'x'.repeat(10_000);
          }
        } finally {
          over = true;
        }
      },
    });
    link.pair.server.hold();
    collect(link.caller.serverStreaming(Download, '', {})).catch(() => {});
    await link.pair.settled();
    expect(made).toBeLessThan(20);
    link.pair.server.receiveEnd();
    await link.pair.settled();
    expect(over).toBe(true);
  });

  it.each(['onMessage', 'onEnd'])(
    'fails alone when %s of the consumer of its requests throws',
    async (culprit) => {
      const link = new Link({ Unary: (text: string) => text });
      const nothing = (): void => {};
      link.add(Upload, ({ requests }) => {
        const consumer = { onMessage: nothing, onEnd: nothing, onError: nothing };
        const fault = (): never => {
          throw new Error('consumer');
        };
        requests?.consume({ ...consumer, [culprit]: fault });
      });
      expect(await link.failure(link.caller.clientStreaming(Upload, ['a'], {}))).toMatchObject(
        HIDDEN,
      );
      expect(await link.result(link.caller.unary(Unary, 'a', {}))).toBe('a');
    },
  );
});
