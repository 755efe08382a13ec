import { createServer, createConnection, type Socket } from 'node:net';
import { Controller } from '@nestjs/common';
import { GrpcMethod, GrpcStreamMethod } from '@nestjs/microservices';
import type { ServerDuplexStream } from '@grpc/grpc-js';
import { NEVER, Observable, of } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { all, closeLater, newUrl, signal, start, turn, type Signal } from './application.js';
import { recorded } from './differences.js';
import type { RawCall } from './raw-client.js';
import { KINDS_SERVICE, type Kinds, type Text } from './kinds.js';
import { KINDS, TRANSPORTS, type ParityTransport } from './transports.js';

type Method = (typeof METHODS)[number];
type Serving = Awaited<ReturnType<typeof serve>>;

const METHODS = ['One', 'Many', 'Collect', 'Chat'] as const;
const STREAMS = ['Many', 'Collect', 'Chat'] as const;
const REQUEST_STREAMS = ['Collect', 'Chat'] as const;

/** What a handler that answers nothing has seen. */
interface Seen {
  readonly began: Signal<void>;
  readonly cancelled: Signal<void>;
  /** Its response was unsubscribed from. */
  readonly torn: Signal<void>;
  /** How its requests ended. */
  readonly requests: Signal<string>;
  readonly log: string[];
}

/** Serves handlers that answer nothing, save for `GetURLInfo`, which answers at once. */
async function serve(transport: ParityTransport) {
  const log: string[] = [];
  const logged = <T>(name: string): Signal<T> => {
    const { promise, resolve } = signal<T>();
    return { promise, resolve: (value) => (log.push(name), resolve(value)) };
  };
  const seen: Seen = {
    log,
    began: signal(),
    cancelled: logged('cancelled'),
    torn: logged('torn'),
    requests: logged('requests'),
  };
  const hang = (call: ServerDuplexStream<Text, Text>): Observable<Text> => {
    call.on('cancelled', () => seen.cancelled.resolve());
    return new Observable(() => {
      seen.began.resolve();
      return () => seen.torn.resolve();
    });
  };
  const take = (requests: Observable<Text>): void => {
    requests.subscribe({
      complete: () => seen.requests.resolve('complete'),
      error: () => seen.requests.resolve('fail'),
    });
  };
  @Controller()
  class Hanging {
    @GrpcMethod('Kinds')
    one(_text: Text, _metadata: unknown, call: ServerDuplexStream<Text, Text>) {
      return hang(call);
    }

    @GrpcMethod('Kinds')
    many(_text: Text, _metadata: unknown, call: ServerDuplexStream<Text, Text>) {
      return hang(call);
    }

    @GrpcStreamMethod('Kinds')
    collect(texts: Observable<Text>, _metadata: unknown, call: ServerDuplexStream<Text, Text>) {
      take(texts);
      return hang(call);
    }

    @GrpcStreamMethod('Kinds')
    chat(texts: Observable<Text>, _metadata: unknown, call: ServerDuplexStream<Text, Text>) {
      take(texts);
      return hang(call);
    }

    @GrpcMethod('Kinds', 'GetURLInfo')
    answer(text: Text): Text {
      return text;
    }
  }
  return { seen, ...(await start(transport, KINDS, [Hanging])) };
}

/**
 * Makes a call whose deadline passes while its handler hangs. One that did not reach the handler in
 * time, on a busy machine, is made again with more of it.
 */
async function openExpiring({ raw, seen }: Serving, method: Method): Promise<RawCall> {
  for (let ms = 50; ; ms *= 2) {
    const call = raw.open(KINDS_SERVICE, method, { request: {}, deadline: Date.now() + ms });
    call.send({});
    const began = seen.began.promise.then(() => true);
    if (await Promise.race([began, call.ended.then(() => false)])) return call;
  }
}

/** A socket between client and server, which can be cut. */
async function cuttable(url: string): Promise<{ url: string; cut: () => void }> {
  const sockets: Socket[] = [];
  const path = (address: string): string => address.replace('unix://', '');
  const server = createServer((client) => {
    const upstream = createConnection(path(url));
    sockets.push(client, upstream);
    client.on('error', () => undefined).pipe(upstream.on('error', () => undefined));
    upstream.pipe(client);
  });
  const between = newUrl();
  await new Promise<void>((resolve) => server.listen(path(between), resolve));
  const cut = (): void => sockets.forEach((socket) => socket.destroy());
  closeLater({ close: async () => (cut(), void server.close()) });
  return { url: between, cut };
}

describe.each(TRANSPORTS)('a call over $name that is given up', (transport) => {
  it.each(METHODS)('is answered with CANCELLED to who cancels it: %s', async (method) => {
    const { raw, seen } = await serve(transport);
    const call = raw.open(KINDS_SERVICE, method, { request: {} });
    call.send({});
    await seen.began.promise;
    call.cancel();
    expect(await call.ended).toMatch(/^1 CANCELLED: /);
  });

  it.each(METHODS)(
    'is cancelled by unsubscribing, without a word to the subscriber: %s',
    async (name) => {
      const { client, seen } = await serve(transport);
      const told: string[] = [];
      const subscription = called(client.getService<Kinds>('Kinds'), name).subscribe({
        next: () => told.push('next'),
        error: () => told.push('error'),
        complete: () => told.push('complete'),
      });
      await seen.began.promise;
      subscription.unsubscribe();
      const { GetURLInfo } = client.getService<Kinds>('Kinds');
      expect(await all(GetURLInfo({ text: 'next call' }))).toEqual([{ text: 'next call' }]);
      expect(told).toEqual([]);
    },
  );

  it.each(STREAMS)(
    'has its handler torn down as recorded when it is cancelled: %s',
    async (name) => {
      const { client, seen } = await serve(transport);
      const subscription = called(client.getService<Kinds>('Kinds'), name).subscribe();
      await seen.began.promise;
      subscription.unsubscribe();
      const expected = recorded('cancelled-stream', transport);
      if (expected === 'is torn down') await seen.torn.promise;
      await all(client.getService<Kinds>('Kinds').GetURLInfo({}));
      expect(seen.log.includes('torn') ? 'is torn down' : 'runs on').toBe(expected);
    },
  );

  it('has a unary handler run on when it is cancelled, and told of it as recorded', async () => {
    const { client, seen } = await serve(transport);
    const subscription = client.getService<Kinds>('Kinds').one({}).subscribe();
    await seen.began.promise;
    subscription.unsubscribe();
    const expected = recorded('cancelled-one', transport);
    if (expected === 'is told') await seen.cancelled.promise;
    await all(client.getService<Kinds>('Kinds').GetURLInfo({}));
    expect(seen.log).toEqual(expected === 'is told' ? ['cancelled'] : []);
  });

  it.each(REQUEST_STREAMS)('has its requests complete when it is cancelled: %s', async (method) => {
    const { raw, seen } = await serve(transport);
    const call = raw.open(KINDS_SERVICE, method);
    call.send({});
    await seen.began.promise;
    call.cancel();
    expect(await seen.requests.promise).toBe('complete');
  });

  it.each(REQUEST_STREAMS)('has its source unsubscribed from: %s', async (name) => {
    const { client, seen } = await serve(transport);
    const left = signal();
    const source = new Observable<Text>((subscriber) => {
      subscriber.next({});
      return () => left.resolve();
    });
    const { collect, chat } = client.getService<Kinds>('Kinds');
    const subscription = (name === 'Collect' ? collect : chat)(source).subscribe();
    await seen.began.promise;
    subscription.unsubscribe();
    await left.promise;
  });
});

describe.each(TRANSPORTS)('a call over $name whose deadline passes', (transport) => {
  it.each(METHODS)('ends with DEADLINE_EXCEEDED: %s', async (method) => {
    const call = await openExpiring(await serve(transport), method);
    expect(await call.ended).toMatch(/^4 DEADLINE_EXCEEDED: /);
  });

  it.each(STREAMS)('has its handler torn down: %s', async (method) => {
    const serving = await serve(transport);
    await openExpiring(serving, method);
    await serving.seen.torn.promise;
  });

  it('has a unary handler told, and torn down as recorded', async () => {
    const serving = await serve(transport);
    await openExpiring(serving, 'One');
    await serving.seen.cancelled.promise;
    await turn();
    const fate = serving.seen.log.includes('torn') ? 'is torn down' : 'runs on';
    expect(fate).toBe(recorded('deadline-one', transport));
  });

  it.each(REQUEST_STREAMS)('has its requests end as recorded: %s', async (method) => {
    const serving = await serve(transport);
    await openExpiring(serving, method);
    expect(await serving.seen.requests.promise).toBe(recorded('deadline-requests', transport));
  });
});

describe.each(TRANSPORTS)('a call over $name whose connection is lost', (transport) => {
  const lose = async (method: Method) => {
    const { seen, place } = await serve(transport);
    const { url, cut } = await cuttable(place.url);
    const raw = closeLater(transport.raw({ ...place, url }));
    const call = raw.open(KINDS_SERVICE, method, { request: {} });
    call.send({});
    await seen.began.promise;
    cut();
    return { seen, call };
  };

  it.each(METHODS)('fails as recorded: %s', async (method) => {
    const { call } = await lose(method);
    const expected = recorded('connection-lost', transport);
    expect((await call.ended).slice(0, expected.length)).toBe(expected);
  });

  it.each(STREAMS)('has its handler torn down: %s', async (method) => {
    const { seen } = await lose(method);
    await seen.torn.promise;
  });

  it('has a unary handler told, and torn down as recorded', async () => {
    const { seen } = await lose('One');
    await seen.cancelled.promise;
    await turn();
    const fate = seen.log.includes('torn') ? 'is torn down' : 'runs on';
    expect(fate).toBe(recorded('connection-lost-one', transport));
  });

  it.each(REQUEST_STREAMS)('has its requests end as recorded: %s', async (method) => {
    const { seen } = await lose(method);
    expect(await seen.requests.promise).toBe(recorded('connection-lost-requests', transport));
  });
});

/** A call of each kind that sends something and no end. */
function called(kinds: Kinds, name: Method): Observable<Text> {
  switch (name) {
    case 'One':
      return kinds.one({});
    case 'Many':
      return kinds.many({});
    case 'Collect':
      return kinds.collect(endless());
    case 'Chat':
      return kinds.chat(endless());
  }
}

function endless(): Observable<Text> {
  return new Observable((subscriber) => {
    of({}).subscribe((text) => subscriber.next(text));
    return NEVER.subscribe(subscriber);
  });
}
