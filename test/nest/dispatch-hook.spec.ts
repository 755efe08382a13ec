import { Controller } from '@nestjs/common';
import { GrpcMethod, GrpcStreamMethod, type ReadPacket } from '@nestjs/microservices';
import { map, of, type Observable } from 'rxjs';
import { describe, expect, it, vi } from 'vitest';
import { ClientTtrpc, Metadata, type ClientInterceptor } from '../../lib/index.js';
import { all, closeLater, failure, ROOM, startInMemory, type Room, type Text } from './app.js';
import { HAS, NEEDS_NEWER_NEST } from './nest-features.js';

/** Answers with the metadata that it gets. */
@Controller()
class Echo {
  @GrpcMethod('RoomService')
  say(_request: Text, metadata: Metadata): Text {
    return { text: JSON.stringify([...metadata]) };
  }

  @GrpcMethod('RoomService')
  tell(_request: Text, metadata: Metadata): Observable<Text> {
    return of({ text: JSON.stringify([...metadata]) });
  }

  @GrpcStreamMethod('RoomService')
  join(requests: Observable<Text>, metadata: Metadata): Observable<Text> {
    return requests.pipe(map(() => ({ text: JSON.stringify([...metadata]) })));
  }

  @GrpcStreamMethod('RoomService')
  chat(requests: Observable<Text>, metadata: Metadata): Observable<Text> {
    return this.join(requests, metadata);
  }
}

interface Promises {
  say(request: Text, metadata?: object): Promise<Text>;
  tell(request: Text, metadata?: object): AsyncIterable<Text>;
  join(requests: Iterable<Text>, metadata?: object): Promise<Text>;
  chat(requests: Iterable<Text>, metadata?: object): AsyncIterable<Text>;
}

const passing: ClientInterceptor = {
  unary: (request, call, next) => next(request, call),
  stream: (requests, call, next) => next(requests, call),
};

async function calling(interceptors: ClientInterceptor[] = []): Promise<ClientTtrpc> {
  const { dial } = await startInMemory([Echo]);
  return closeLater(new ClientTtrpc({ ...ROOM, dial, interceptors }));
}

async function first(messages: AsyncIterable<Text>): Promise<Text | undefined> {
  for await (const message of messages) return message;
  return undefined;
}

const ONE = [{ text: 'a' }];

describe.runIf(HAS.dispatchHook)(`setOnDispatchHook ${NEEDS_NEWER_NEST}`, () => {
  it.each<[string, ClientInterceptor[]]>([
    ['', []],
    [', behind interceptors', [passing]],
  ])('sees every call once, and sends what it puts into the packet%s', async (_, interceptors) => {
    const client = await calling(interceptors);
    const packets: [pattern: unknown, data: unknown][] = [];
    client.setOnDispatchHook((packet: ReadPacket) => {
      packets.push([packet.pattern, packet.data]);
      packet.metadata = { trace: String(packets.length) };
    });
    const room = client.getService<Room>('RoomService');
    const promises = client.getPromiseService<Promises>('RoomService');
    const answers = [
      await all(room.say({ text: 'a' })),
      await all(room.tell({ text: 'a' })),
      await all(room.join(ONE)),
      await all(room.chat(ONE)),
      [await promises.say({ text: 'a' })],
      [await first(promises.tell({ text: 'a' }))],
      [await promises.join(ONE)],
      [await first(promises.chat(ONE))],
    ];
    expect(answers).toEqual(
      [1, 2, 3, 4, 5, 6, 7, 8].map((count) => [{ text: `[["trace","${count}"]]` }]),
    );
    const once = ['Say', 'Tell', 'Join', 'Chat'].map((name, index) => [
      `acme.v1.RoomService/${name}`,
      index < 2 ? { text: 'a' } : ONE,
    ]);
    expect(packets).toEqual([...once, ...once]);
  });

  it('is called at each subscription, not before', async () => {
    const client = await calling();
    const hook = vi.fn();
    client.setOnDispatchHook(hook);
    const call = client.getService<Room>('RoomService').say({});
    const responses = client.getPromiseService<Promises>('RoomService').tell({});
    expect(hook).not.toHaveBeenCalled();
    await all(call);
    await all(call);
    expect(hook).toHaveBeenCalledTimes(2);
    await first(responses);
    expect(hook).toHaveBeenCalledTimes(3);
  });

  it('adds to the caller’s metadata without touching it, and wins where both name a key', async () => {
    const client = await calling();
    client.setOnDispatchHook((packet: ReadPacket) => {
      packet.metadata = { trace: 'hook' };
    });
    const metadata = new Metadata();
    metadata.set('user', 'ada');
    metadata.set('trace', 'caller');
    const room = client.getService<Room>('RoomService');
    expect(await all(room.say({}, metadata))).toEqual([
      { text: '[["user","ada"],["trace","hook"]]' },
    ]);
    expect(metadata.get('trace')).toEqual(['caller']);
  });

  it('sends what the caller gave when it adds nothing', async () => {
    const client = await calling();
    client.setOnDispatchHook(() => undefined);
    const room = client.getService<Room>('RoomService');
    expect(await all(room.say({}, { metadata: { user: 'ada' } }))).toEqual([
      { text: '[["user","ada"]]' },
    ]);
  });

  it('ends the call with what it throws, or with the key that is no text', async () => {
    const client = await calling();
    client.setOnDispatchHook(() => {
      throw new Error('from the hook');
    });
    const room = client.getService<Room>('RoomService');
    const promises = client.getPromiseService<Promises>('RoomService');
    expect(await failure(room.say({}))).toBe('from the hook');
    expect(await failure(promises.say({}))).toBe('from the hook');
    expect(await failure(first(promises.tell({})))).toBe('from the hook');
    client.setOnDispatchHook((packet: ReadPacket) => {
      packet.metadata = { count: 7 as never };
    });
    expect(await failure(room.say({}))).toBe(
      'metadata value of "count" must be a string, got number',
    );
  });
});
