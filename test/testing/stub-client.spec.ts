import { Inject, Injectable } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { concat, finalize, map, NEVER, of, throwError, toArray, type Observable } from 'rxjs';
import { describe, expect, it, vi } from 'vitest';
import {
  ClientTtrpc,
  DefinitionError,
  Metadata,
  StatusCode,
  StatusError,
} from '../../lib/index.js';
import { stubClient, type ServiceStubs } from '../../lib/testing/index.js';
import { all, closeLater, failure, moduleOf, ROOM, type Room, type Text } from '../nest/app.js';

function stub(stubs: ServiceStubs): { client: ClientTtrpc; room: Room } {
  const client = closeLater(stubClient(ROOM, stubs));
  return { client, room: client.getService<Room>('RoomService') };
}

async function* textsOf(...texts: string[]): AsyncGenerator<Text> {
  for (const text of texts) yield { text };
}

describe('stubClient', () => {
  it.each<[string, () => unknown]>([
    ['a value', () => ({ text: 'a' })],
    ['a Promise', () => Promise.resolve({ text: 'a' })],
    ['an Observable', () => of({ text: 'a' })],
    ['a Promise of an Observable', () => Promise.resolve(of({ text: 'a' }))],
  ])('answers a call for one response with %s', async (_, say) => {
    const { room } = stub({ RoomService: { say, join: say } });
    expect(await all(room.say({}))).toEqual([{ text: 'a' }]);
    expect(await all(room.join([]))).toEqual([{ text: 'a' }]);
  });

  it.each<[string, () => unknown]>([
    ['an Observable', () => of({ text: 'a' }, { text: 'b' })],
    ['an array', () => [{ text: 'a' }, { text: 'b' }]],
    ['an async generator', () => textsOf('a', 'b')],
    ['a Promise of an array', () => Promise.resolve([{ text: 'a' }, { text: 'b' }])],
  ])('answers a call for a stream with %s', async (_, tell) => {
    const { room } = stub({ RoomService: { tell, chat: tell } });
    expect(await all(room.tell({}))).toEqual([{ text: 'a' }, { text: 'b' }]);
    expect(await all(room.chat([]))).toEqual([{ text: 'a' }, { text: 'b' }]);
  });

  it('gives a stub request, metadata and options; a stream of requests as an Observable', async () => {
    const seen: unknown[] = [];
    const { room } = stub({
      RoomService: {
        say: (request: Text, metadata, { timeoutMs }) =>
          void seen.push(request, metadata.get('user'), timeoutMs),
        join: (requests: Observable<Text>) =>
          requests.pipe(
            toArray(),
            map((texts) => ({ number: texts.length })),
          ),
        tell: (request: Text) => [request, request],
        chat: (requests: Observable<Text>) =>
          requests.pipe(map(({ text }) => ({ text: `${text}!` }))),
      },
    });
    const metadata = new Metadata();
    metadata.set('user', 'ada');
    await all(room.say({ text: 'a' }, metadata, { timeoutMs: 5 }));
    expect(seen).toEqual([{ text: 'a' }, ['ada'], 5]);
    expect(await all(room.tell({ text: 'b' }))).toEqual([{ text: 'b' }, { text: 'b' }]);
    expect(await all(room.join(textsOf('a', 'b', 'c')))).toEqual([{ number: 3 }]);
    expect(await all(room.chat(of({ text: 'a' }, { text: 'b' })))).toEqual([
      { text: 'a!' },
      { text: 'b!' },
    ]);
  });

  it('takes an iterable for the one response where one is due', async () => {
    const { room } = stub({ RoomService: { say: () => [1, 2] } });
    expect(await all(room.say({}))).toEqual([[1, 2]]);
  });

  it('calls a stub at each subscription and not before, as a method of its object', async () => {
    class Counting {
      count = 0;
      say(): Text {
        return { number: ++this.count };
      }
    }
    const { room } = stub({ RoomService: new Counting() });
    const call = room.say({});
    expect([await all(call), await all(call)]).toEqual([[{ number: 1 }], [{ number: 2 }]]);
  });

  it('knows services and methods by every spelling', async () => {
    const names = ['GetURLInfo', 'getUrlInfo', 'getURLInfo', 'GetUrlInfo'];
    for (const name of names) {
      for (const service of ['NameService', 'acme.v1.NameService']) {
        const { client } = stub({ [service]: { [name]: () => ({ text: name }) } });
        for (const asked of ['NameService', 'acme.v1.NameService']) {
          const named = client.getService<Record<string, () => Observable<Text>>>(asked);
          expect(await all(named['GetURLInfo']!())).toEqual([{ text: name }]);
          expect(await all(named['getUrlInfo']!())).toEqual([{ text: name }]);
        }
      }
    }
  });

  it('fails with UNIMPLEMENTED, and says which, where there is no stub', async () => {
    const { room } = stub({ NameService: {} });
    for (const call of [room.say({}), room.tell({}), room.join([]), room.chat([])]) {
      expect(await failure(call)).toMatch(
        /^12 UNIMPLEMENTED: acme\.v1\.RoomService\/\w+ has no stub$/,
      );
    }
    expect(await failure(room.say({}))).toContain('RoomService/Say');
  });

  it('refuses stubs of what there is not, and names the nearest', () => {
    expect(() => stub({ RomService: {} })).toThrow(DefinitionError);
    expect(() => stub({ RomService: {} })).toThrow('did you mean acme.v1.RoomService');
    expect(() => stub({ RoomService: { says: () => undefined } })).toThrow(
      'acme.v1.RoomService has no method says; did you mean Say',
    );
  });

  it('passes on what a stub throws', async () => {
    const missing = new StatusError({ code: StatusCode.NotFound, message: 'nobody' });
    const raise = (): never => {
      throw missing;
    };
    const { room } = stub({
      RoomService: {
        say: raise,
        join: () => Promise.reject(missing),
        tell: () =>
          concat(
            of({}),
            throwError(() => missing),
          ),
        chat: raise,
      },
    });
    for (const call of [room.say({}), room.tell({}), room.join([]), room.chat([])]) {
      expect(await failure(call)).toBe('5 NOT_FOUND: nobody');
    }
  });

  it('unsubscribes from what a stub gave when the caller gives up, by whichever way', async () => {
    const left = vi.fn();
    const hang = (): Observable<Text> => NEVER.pipe(finalize(left));
    const { room } = stub({ RoomService: { say: hang, tell: hang } });
    for (const method of [room.say, room.tell]) {
      const signal = AbortSignal.timeout(5);
      expect(await failure(method({}, { signal }))).toBe('1 CANCELLED: call was given up');
      const subscription = method({}).subscribe();
      await new Promise((resolve) => setImmediate(resolve));
      subscription.unsubscribe();
      await vi.waitFor(() => expect(left).toHaveBeenCalledTimes(method === room.say ? 2 : 4));
    }
  });

  it('stubs promises and async iterables too', async () => {
    const { client } = stub({
      RoomService: { say: () => of({ text: 'a' }), tell: () => of({}, {}) },
    });
    const room = client.getPromiseService<{ say(): Promise<Text>; tell(): AsyncIterable<Text> }>(
      'RoomService',
    );
    expect(await room.say()).toEqual({ text: 'a' });
    const told: Text[] = [];
    for await (const text of room.tell()) told.push(text);
    expect(told).toHaveLength(2);
  });

  it('connects and closes as a client does', async () => {
    const { client } = stub({});
    await client.connect();
    await client.close();
  });

  it('takes the place of a client in an application', async () => {
    @Injectable()
    class Caller {
      readonly client: ClientTtrpc;
      constructor(@Inject('ROOM') client: ClientTtrpc) {
        this.client = client;
      }
    }
    const useValue = stubClient(ROOM, { RoomService: { say: () => ({ text: 'stub' }) } });
    const root = moduleOf({ providers: [Caller, { provide: 'ROOM', useValue }] });
    const app = await NestFactory.createApplicationContext(root, { logger: false });
    const { client } = app.get(Caller);
    expect(client).toBeInstanceOf(ClientTtrpc);
    expect(await all(client.getService<Room>('RoomService').say({}))).toEqual([{ text: 'stub' }]);
    await app.close();
  });
});
