import { describe, expect, it } from 'vitest';
import { StatusError } from '../../lib/errors.js';
import type { CallContext, CallOptions } from '../../lib/rpc/call.js';
import type { ClientInterceptor, Next, OutgoingCall } from '../../lib/rpc/interceptor.js';
import { Link } from './link.js';
import { Chat, collect, Download, Unary, Upload } from './text-service.js';

const HANDLERS = {
  Unary: (request: string) => `echo ${request}`,
  Download: (request: string) => request.split(' '),
  Upload: async (requests: AsyncIterable<string>) => (await collect(requests)).join('+'),
  async *Chat(requests: AsyncIterable<string>) {
    for await (const request of requests) yield `echo ${request}`;
  },
};

/** Calls of the four kinds, one after the other. */
async function callAll(link: Link): Promise<unknown[]> {
  return [
    await link.result(link.caller.unary(Unary, 'a', {})),
    await link.result(collect(link.caller.serverStreaming(Download, 'a b', {}))),
    await link.result(link.caller.clientStreaming(Upload, ['a', 'b'], {})),
    await link.result(collect(link.caller.bidirectional(Chat, ['a'], {}))),
  ];
}

const PLAIN = ['echo a', ['a', 'b'], 'a+b', ['echo a']];

async function* map(
  messages: AsyncIterable<unknown>,
  change: (message: unknown) => unknown,
): AsyncGenerator {
  for await (const message of messages) yield change(message);
}

/** Marks what passes it, both ways; good for either side. */
const mark = (name: string) => ({
  async unary<Context>(
    request: unknown,
    context: Context,
    next: Next<unknown, Context, Promise<unknown>>,
  ): Promise<unknown> {
    return `${String(await next(`${String(request)}>${name}`, context))}<${name}`;
  },
  stream<Context>(
    requests: AsyncIterable<unknown>,
    context: Context,
    next: Next<AsyncIterable<unknown>, Context, AsyncIterable<unknown>>,
  ): AsyncIterable<unknown> {
    const marked = map(requests, (message) => `${String(message)}>${name}`);
    return map(next(marked, context), (message) => `${String(message)}<${name}`);
  },
});

const sides = ['clientInterceptors', 'serverInterceptors'] as const;

describe.each(sides)('intercept, in %s', (side) => {
  it('runs the first outermost, and sees all four kinds', async () => {
    const link = new Link(HANDLERS, { [side]: [mark('1'), mark('2')] });
    expect(await callAll(link)).toEqual([
      'echo a>1>2<2<1',
      ['a<2<1', 'b>1>2<2<1'],
      'a>1>2+b>1>2<2<1',
      ['echo a>1>2<2<1'],
    ]);
  });

  it('leaves kinds alone that it has nothing for', async () => {
    const nothing = new Link(HANDLERS, { [side]: [{}] });
    expect(await callAll(nothing)).toEqual(PLAIN);
    const { unary, stream } = mark('1');
    const unaryOnly = new Link(HANDLERS, { [side]: [{ unary }] });
    expect(await callAll(unaryOnly)).toEqual(['echo a>1<1', ...PLAIN.slice(1)]);
    const streamOnly = new Link(HANDLERS, { [side]: [{ stream }] });
    expect((await callAll(streamOnly))[0]).toBe('echo a');
  });

  it('may answer without going on', async () => {
    const link = new Link(
      {},
      {
        [side]: [
          {
            unary: () => Promise.resolve('cached'),
            async *stream() {
              yield 'cached';
            },
          },
        ],
      },
    );
    if (side === 'serverInterceptors') return;
    expect(await callAll(link)).toEqual(['cached', ['cached'], 'cached', ['cached']]);
    expect(link.sentByClient()).toEqual([]);
  });

  it('may refuse, and nothing goes on', async () => {
    let handled = 0;
    const count = (): string => {
      handled += 1;
      return '';
    };
    const refuse = (): never => {
      throw new StatusError({ code: 16, message: 'who?' });
    };
    const link = new Link(
      { Unary: count, Upload: count },
      { [side]: [{ unary: async () => refuse(), stream: refuse }] },
    );
    const calls = [
      () => link.caller.unary(Unary, 'a', {}),
      async () => link.caller.clientStreaming(Upload, ['a'], {}),
    ];
    for (const call of calls) expect(await link.failure(call())).toMatchObject({ code: 16 });
    expect(handled).toBe(0);
  });

  it('is called on its own instance', async () => {
    class Counter {
      calls = 0;
      unary<Context>(
        request: unknown,
        context: Context,
        next: Next<unknown, Context, Promise<unknown>>,
      ): Promise<unknown> {
        this.calls += 1;
        return next(request, context);
      }
    }
    const counter = new Counter();
    const link = new Link(HANDLERS, { [side]: [counter] });
    await callAll(link);
    expect(counter.calls).toBe(1);
  });
});

describe('ClientInterceptor', () => {
  it('may try again', async () => {
    let tries = 0;
    const link = new Link(
      {
        Unary(request: string) {
          tries += 1;
          if (tries < 3) throw new StatusError({ code: 14, message: 'later' });
          return request;
        },
      },
      {
        clientInterceptors: [
          {
            async unary(request, call, next) {
              for (;;) {
                try {
                  return await next(request, call);
                } catch (error) {
                  if ((error as StatusError).code !== 14) throw error;
                }
              }
            },
          },
        ],
      },
    );
    expect(await link.result(link.caller.unary(Unary, 'a', {}))).toBe('a');
    expect(tries).toBe(3);
  });

  it('may change options: metadata arrives, a deadline counts', async () => {
    const seen: unknown[] = [];
    const see = (
      _: unknown,
      { metadata }: { metadata: { get(key: string): string[] } },
    ): string => {
      seen.push(metadata.get('token'));
      return '';
    };
    const change: ClientInterceptor = {
      unary: (request, call, next) =>
        next(request, { ...call, options: { metadata: { token: 't' } } }),
      stream: (requests, call, next) =>
        next(requests, { ...call, options: { metadata: { token: 's' } } }),
    };
    const link = new Link({ Unary: see, Upload: see }, { clientInterceptors: [change] });
    await link.result(link.caller.unary(Unary, 'a', {}));
    await link.result(link.caller.clientStreaming(Upload, [], {}));
    expect(seen).toEqual([['t'], ['s']]);
    const late = new Link(HANDLERS, {
      clientInterceptors: [
        { unary: (request, call, next) => next(request, { ...call, options: { deadline: 1 } }) },
      ],
    });
    expect(await late.failure(late.caller.unary(Unary, 'a', {}))).toMatchObject({ code: 4 });
  });

  it('may change the options of all four kinds by one function, before it wraps them', async () => {
    const seen: unknown[] = [];
    const see = (_: unknown, { metadata }: { metadata: { get(key: string): string[] } }): string =>
      `${seen.push(metadata.get('token'))}`;
    class Tokens implements ClientInterceptor {
      readonly token = 't';
      options({ method, options }: OutgoingCall): CallOptions {
        return { ...options, metadata: { token: `${this.token} of ${method.name}` } };
      }
      unary: NonNullable<ClientInterceptor['unary']> = (request, call, next) => {
        seen.push(call.options);
        return next(request, call);
      };
    }
    const handlers = {
      Unary: see,
      Download: (request: string, context: CallContext) => [see(request, context)],
      Upload: see,
      Chat: (requests: unknown, context: CallContext) => [see(requests, context)],
    };
    const link = new Link(handlers, { clientInterceptors: [new Tokens()] });
    await callAll(link);
    expect(seen).toEqual([
      { metadata: { token: 't of Unary' } },
      ['t of Unary'],
      ['t of Download'],
      ['t of Upload'],
      ['t of Chat'],
    ]);
  });

  it('passes the end of a loop on: the call is cancelled', async () => {
    const link = new Link(
      {
        async *Download() {
          yield 'a';
          await new Promise(() => {});
        },
      },
      { clientInterceptors: [mark('1')] },
    );
    const loop = (async () => {
      for await (const _ of link.caller.serverStreaming(Download, '', {})) break;
    })();
    await link.result(loop);
    expect(link.client.openStreams).toBe(0);
  });
});

describe('ServerInterceptor', () => {
  it('may answer without the handler', async () => {
    const handler = (): never => {
      throw new Error('called');
    };
    const link = new Link(
      { Unary: handler, Download: handler, Upload: handler, Chat: handler },
      {
        serverInterceptors: [
          {
            unary: () => Promise.resolve('cached'),
            async *stream() {
              yield 'cached';
            },
          },
        ],
      },
    );
    expect(await callAll(link)).toEqual(['cached', ['cached'], 'cached', ['cached']]);
  });

  it('answers INTERNAL when it leaves a single response out', async () => {
    const link = new Link(HANDLERS, { serverInterceptors: [{ async *stream() {} }] });
    expect(await link.failure(link.caller.clientStreaming(Upload, [], {}))).toMatchObject({
      code: 13,
      details: 'stream ended without a message',
    });
  });

  it('sees what a handler throws', async () => {
    let seen: unknown;
    const link = new Link(
      {
        Unary() {
          throw new Error('secret');
        },
      },
      {
        serverInterceptors: [
          {
            async unary(request, context, next) {
              try {
                return await next(request, context);
              } catch (error) {
                seen = error;
                throw new StatusError({ code: 9, message: context.method.name });
              }
            },
          },
        ],
      },
    );
    expect(await link.failure(link.caller.unary(Unary, 'a', {}))).toMatchObject({
      code: 9,
      details: 'Unary',
    });
    expect(seen).toEqual(new Error('secret'));
  });
});
