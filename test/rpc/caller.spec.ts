import { afterEach, describe, expect, it, vi } from 'vitest';
import { StatusError, UsageError } from '../../lib/errors.js';
import type { CallContext } from '../../lib/rpc/call.js';
import { Metadata } from '../../lib/spec/metadata.js';
import { Link } from './link.js';
import { Chat, collect, Download, NOT_A_TEXT, Unary, UNREADABLE, Upload } from './text-service.js';

/** Handlers that answer with what they were asked. */
const ECHO = {
  Unary: (request: string) => Promise.resolve(`echo ${request}`),
  async *Download(request: string) {
    yield* request.split(' ');
  },
  Upload: async (requests: AsyncIterable<string>) => (await collect(requests)).join('+'),
  async *Chat(requests: AsyncIterable<string>) {
    for await (const request of requests) yield `echo ${request}`;
  },
};

const echo = (): Link => new Link(ECHO);

async function* stream(...messages: string[]): AsyncGenerator<string> {
  yield* messages;
}

afterEach(() => void vi.useRealTimers());

describe('Caller', () => {
  it('sends one request for one response', async () => {
    const link = echo();
    expect(await link.result(link.caller.unary(Unary, 'a', {}))).toBe('echo a');
    expect(link.sentByClient()).toEqual(['1 1/0']);
    expect(link.sentByServer()).toEqual(['1 2/0']);
    expect(link.client.openStreams + link.server.openStreams).toBe(0);
  });

  it('sends one request for a stream of responses', async () => {
    const link = echo();
    const responses = link.caller.serverStreaming(Download, 'a b', {});
    expect(await link.result(collect(responses))).toEqual(['a', 'b']);
    expect(link.sentByClient()).toEqual(['1 1/1']);
    expect(link.sentByServer()).toEqual(['1 3/0 a', '1 3/0 b', '1 3/5']);
    expect(link.client.openStreams + link.server.openStreams).toBe(0);
  });

  it.each([
    ['an array', (): Iterable<string> => ['a', 'b']],
    ['an async iterable', (): AsyncIterable<string> => stream('a', 'b')],
  ])('sends %s of requests for one response', async (_, requests) => {
    const link = echo();
    const response = link.caller.clientStreaming(Upload, requests(), {});
    expect(await link.result(response)).toBe('a+b');
    expect(link.sentByClient()).toEqual(['1 1/6', '1 3/0 a', '1 3/0 b', '1 3/5']);
    expect(link.sentByServer()).toEqual(['1 2/0']);
  });

  it('streams in both directions', async () => {
    const link = echo();
    const responses = link.caller.bidirectional(Chat, stream('a', 'b'), {});
    expect(await link.result(collect(responses))).toEqual(['echo a', 'echo b']);
    expect(link.sentByClient()).toEqual(['1 1/6', '1 3/0 a', '1 3/0 b', '1 3/5']);
    expect(link.sentByServer()).toEqual(['1 3/0 echo a', '1 3/0 echo b', '1 3/5']);
  });

  it('carries empty messages in every place, and no message where there is none', async () => {
    const link = new Link({
      ...ECHO,
      Unary: (request: string) => request,
      Download: (request: string) => [request, '', request],
    });
    expect(await link.result(link.caller.unary(Unary, '', {}))).toBe('');
    const responses = link.caller.serverStreaming(Download, '', {});
    expect(await link.result(collect(responses))).toEqual(['', '', '']);
    expect(await link.result(link.caller.clientStreaming(Upload, ['', ''], {}))).toBe('+');
    expect(await link.result(link.caller.clientStreaming(Upload, [], {}))).toBe('');
    const chat = link.caller.bidirectional(Chat, [''], {});
    expect(await link.result(collect(chat))).toEqual(['echo ']);
    const silence = link.caller.bidirectional(Chat, [], {});
    expect(await link.result(collect(silence))).toEqual([]);
  });

  it('makes a streaming call when its responses are asked for, and only once', async () => {
    const link = echo();
    const responses = link.caller.serverStreaming(Download, 'a', {});
    await link.pair.settled();
    expect(link.sentByClient()).toEqual([]);
    expect(await link.result(collect(responses))).toEqual(['a']);
    expect(() => responses[Symbol.asyncIterator]()).toThrow(UsageError);
  });

  it.each(['timeoutMs', 'deadline', 'metadata'])(
    'rejects when %s is wrong, and sends nothing',
    async (option) => {
      const link = echo();
      const options = { [option]: option === 'metadata' ? { key: 7 } : 'soon' } as never;
      const calls = [
        link.caller.unary(Unary, 'a', options),
        link.caller.clientStreaming(Upload, [], options),
        collect(link.caller.serverStreaming(Download, 'a', options)),
        collect(link.caller.bidirectional(Chat, [], options)),
      ];
      for (const error of await link.failures(calls)) expect(error).not.toBeInstanceOf(StatusError);
      expect(link.sentByClient()).toEqual([]);
    },
  );

  it('hands metadata over, however it is given', async () => {
    let seen: [string, string][] = [];
    const Unary_ = (_: string, { metadata }: CallContext): string => {
      seen = [...metadata].map(([key, value]) => [key, value]);
      return '';
    };
    const link = new Link({ Unary: Unary_ });
    const given = new Metadata();
    given.add('Key', 'a');
    given.add('other', '');
    given.add('key', 'b');
    await link.result(link.caller.unary(Unary, '', { metadata: given }));
    expect(seen).toEqual([
      ['key', 'a'],
      ['other', ''],
      ['key', 'b'],
    ]);
    for (const metadata of [
      { Key: ['a', 'b'], x: 'ключ' },
      new Map(Object.entries({ key: ['a', 'b'], x: 'ключ' })),
    ]) {
      await link.result(link.caller.unary(Unary, '', { metadata }));
      expect(seen).toEqual([
        ['key', 'a'],
        ['key', 'b'],
        ['x', 'ключ'],
      ]);
    }
    await link.result(link.caller.unary(Unary, '', {}));
    expect(seen).toEqual([]);
  });

  it('tells a streaming handler metadata, deadline and peer', async () => {
    const seen: unknown[] = [];
    const link = new Link({
      Upload: (_: unknown, context: CallContext) => {
        seen.push(context.metadata.get('k'), context.peer, context.method);
        seen.push((context.deadline as Date).getTime() - Date.now() > 50_000);
        return 'done';
      },
    });
    const options = { metadata: { k: 'v' }, timeoutMs: 60_000 };
    expect(await link.result(link.caller.clientStreaming(Upload, [], options))).toBe('done');
    expect(seen).toEqual([['v'], { address: 'client', attachment: 'badge' }, Upload, true]);
  });

  it('fails a call whose request cannot be serialised, and only that', async () => {
    const link = echo();
    const calls = [
      link.caller.unary(Unary, NOT_A_TEXT, {}),
      collect(link.caller.serverStreaming(Download, NOT_A_TEXT, {})),
    ];
    for (const error of await link.failures(calls)) {
      expect(error).toMatchObject({
        code: 13,
        details: 'request message can not be serialised: number is no text',
        origin: 'local',
      });
    }
    expect(link.sentByClient()).toEqual([]);
    expect(await link.result(link.caller.unary(Unary, 'a', {}))).toBe('echo a');
  });

  it('fails a call on a message that cannot be serialised, closes its half, returns its source', async () => {
    const link = echo();
    let returned = false;
    async function* requests(): AsyncGenerator<string> {
      try {
        yield 'a';
        yield NOT_A_TEXT;
        yield 'c';
      } finally {
        returned = true;
      }
    }
    const error = await link.failure(link.caller.clientStreaming(Upload, requests(), {}));
    expect(error).toMatchObject({ code: 13 });
    expect(link.sentByClient()).toEqual(['1 1/6', '1 3/0 a', '1 3/5']);
    expect(returned).toBe(true);
    expect(link.client.openStreams).toBe(0);
  });

  it('fails a call whose response cannot be read, and only that', async () => {
    const link = new Link({
      Unary: () => UNREADABLE,
      Download: () => ['a', UNREADABLE, 'c'],
      async *Chat(requests: AsyncIterable<string>) {
        for await (const request of requests) yield request;
      },
    });
    const expected = { code: 13, details: 'response message can not be parsed: cannot be read' };
    expect(await link.failure(link.caller.unary(Unary, '', {}))).toMatchObject(expected);
    const responses = link.caller.serverStreaming(Download, '', {});
    expect(await link.failure(collect(responses))).toMatchObject(expected);
    link.sentByClient();
    const chat = link.caller.bidirectional(Chat, [UNREADABLE], {});
    expect(await link.failure(collect(chat))).toMatchObject({
      code: 13,
      details: 'ttrpc: error unmarshalling payload: cannot be read',
      origin: 'remote',
    });
    expect(link.client.openStreams).toBe(0);
  });

  it('fails a call whose own requests fail, with the reason, and tells the server the end', async () => {
    const link = echo();
    const cause = new Error('disk');
    async function* requests(): AsyncGenerator<string> {
      yield 'a';
      throw cause;
    }
    const calls = [
      link.caller.clientStreaming(Upload, requests(), {}),
      collect(link.caller.bidirectional(Chat, requests(), {})),
    ];
    for (const error of await link.failures(calls)) {
      expect(error).toMatchObject({
        code: 1,
        details: 'request stream failed: disk',
        cause,
        origin: 'local',
      });
    }
    expect(link.sentByClient()).toEqual(['1 1/6', '3 1/6', '1 3/0 a', '3 3/0 a', '1 3/5', '3 3/5']);
  });

  it('leaves requests that wait, also behind interceptors, when the server answers early', async () => {
    let returned = false;
    const requests: AsyncIterable<string> = {
      [Symbol.asyncIterator]: () => ({
        next: () => new Promise(() => {}),
        return() {
          returned = true;
          return Promise.resolve({ done: true, value: undefined });
        },
      }),
    };
    const link = new Link(
      { Upload: () => 'enough' },
      { clientInterceptors: [{ stream: (messages, call, next) => next(messages, call) }] },
    );
    expect(await link.result(link.caller.clientStreaming(Upload, requests, {}))).toBe('enough');
    expect(returned).toBe(true);
  });

  it('stops asking for requests when the server answers early', async () => {
    let returned = false;
    const link = new Link({ Upload: () => Promise.resolve('enough') });
    async function* requests(): AsyncGenerator<string> {
      try {
        for (;;) {
          yield 'a';
          await new Promise((resolve) => setImmediate(resolve));
        }
      } finally {
        returned = true;
      }
    }
    expect(await link.result(link.caller.clientStreaming(Upload, requests(), {}))).toBe('enough');
    await link.pair.settled();
    await link.pair.settled();
    expect(returned).toBe(true);
    const sent = link.sentByClient();
    await link.pair.settled();
    expect(link.sentByClient()).toEqual([]);
    expect(sent).not.toContain('1 3/5');
  });

  it('gives a status of the peer with its details, behind what came before it', async () => {
    const detail = { typeUrl: 'pkg.Detail', value: Buffer.from([1, 2, 3]) };
    const link = new Link({
      async *Download() {
        yield 'a';
        throw new StatusError({ code: 5, message: 'no more', details: [detail] });
      },
    });
    const got: string[] = [];
    const run = (async () => {
      for await (const text of link.caller.serverStreaming(Download, '', {})) got.push(text);
    })();
    expect(await link.failure(run)).toMatchObject({
      code: 5,
      details: 'no more',
      origin: 'remote',
      status: { code: 5, message: 'no more', details: [detail] },
    });
    expect(got).toEqual(['a']);
  });

  it('fails a client-streaming call whose response is missing', async () => {
    // A method whose server streams is not one of the client's kind: nothing need come.
    const link = new Link({ Download: () => [] });
    const call = link.caller.clientStreaming(Download as never, [], {});
    expect(await link.failure(call)).toMatchObject({ code: 13 });
  });
});
