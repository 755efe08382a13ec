import { Controller } from '@nestjs/common';
import { GrpcMethod, GrpcStreamMethod } from '@nestjs/microservices';
import { Metadata as GrpcMetadata, type ServerUnaryCall } from '@grpc/grpc-js';
import type { Observable } from 'rxjs';
import { lastValueFrom, map, toArray } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { Metadata } from '../../lib/index.js';
import { readArguments } from '../../lib/nest/call-arguments.js';
import { all, failure, startInMemory, type Room, type Text } from './app.js';
import { HAS, NEEDS_NEWER_NEST } from './nest-features.js';

/** Answers with the metadata that it gets, and sends some as a handler of gRPC may. */
@Controller()
class Tells {
  @GrpcMethod('RoomService')
  say(_: Text, metadata: Metadata, call: ServerUnaryCall<Text, Text>): Text {
    const headers = new GrpcMetadata();
    headers.set('set-cookie', 'a=b');
    call.sendMetadata(headers);
    return textOf(metadata);
  }

  @GrpcMethod('RoomService')
  tell(_: Text, metadata: Metadata): Text[] {
    return [textOf(metadata)];
  }

  @GrpcStreamMethod('RoomService')
  join(requests: Observable<Text>, metadata: Metadata): Promise<Text> {
    return lastValueFrom(requests.pipe(toArray())).then(() => textOf(metadata));
  }

  @GrpcStreamMethod('RoomService')
  chat(requests: Observable<Text>, metadata: Metadata): Observable<Text> {
    return requests.pipe(map(() => textOf(metadata)));
  }
}

function textOf(metadata: Metadata): Text {
  return { text: JSON.stringify(metadata.toJSON()) };
}

function grpcMetadata(entries: readonly (readonly [string, string | Buffer])[]): GrpcMetadata {
  const metadata = new GrpcMetadata();
  for (const [key, value] of entries) metadata.add(key, value);
  return metadata;
}

const GIVEN = [
  ['User', 'ada'],
  ['role', 'a'],
  ['role', 'b'],
] as const;
const GOT = [{ text: '{"user":["ada"],"role":["a","b"]}' }];

type Place = (metadata: GrpcMetadata) => Parameters<Room['say']>[1];

/** The calls of the four kinds. */
function calls(room: Room, second: Parameters<Room['say']>[1]): Observable<Text>[] {
  const many = [{ text: 'x' }];
  return [
    room.say({}, second),
    room.tell({}, second),
    room.join(many, second),
    room.chat(many, second),
  ];
}

describe("grpc-js's Metadata", () => {
  it.each<[string, Place]>([
    ['the second argument of a call', (metadata) => metadata],
    ['an option of a call', (metadata) => ({ metadata })],
  ])('is sent as %s, of the four kinds', async (_, place) => {
    const { room } = await startInMemory([Tells]);
    for (const call of calls(room, place(grpcMetadata(GIVEN)))) {
      expect(await all(call)).toEqual(GOT);
    }
  });

  it('is merged with that of the options', async () => {
    const { room } = await startInMemory([Tells]);
    const options = { metadata: grpcMetadata([['role', 'c']]) };
    expect(await all(room.say({}, grpcMetadata(GIVEN), options))).toEqual([
      { text: '{"user":["ada"],"role":["a","b","c"]}' },
    ]);
  });

  it.each<[string, Place]>([
    ['the second argument of a call', (metadata) => metadata],
    ['an option of a call', (metadata) => ({ metadata })],
  ])('is refused by the name of the key when it is binary, as %s', async (_, place) => {
    const { room } = await startInMemory([Tells]);
    const second = place(grpcMetadata([['trace-bin', Buffer.from([0, 255])]]));
    for (const call of calls(room, second)) {
      expect(await failure(call)).toBe(
        'metadata value of "trace-bin" must be a string, got a Buffer',
      );
    }
  });

  it.each<[string, (metadata: GrpcMetadata) => readonly unknown[]]>([
    ['alone', (metadata) => [{}, metadata]],
    ['beside other metadata', (metadata) => [{}, metadata, { metadata: { user: 'ada' } }]],
    ['among the options', (metadata) => [{}, { metadata }]],
    ['among the options, merged', (metadata) => [{}, new Metadata(), { metadata }]],
  ])('says whether its call waits for a connection: %s', (_, place) => {
    const waits = (given: { waitForReady?: boolean }): unknown =>
      readArguments(place(new GrpcMetadata(given))).options.waitForReady;
    expect(waits({ waitForReady: true })).toBe(true);
    expect(waits({ waitForReady: false })).toBeUndefined();
    expect(waits({})).toBeUndefined();
  });

  it('says so in vain where an option of the call does', () => {
    const given = new GrpcMetadata({ waitForReady: true });
    const { options } = readArguments([{}, given, { waitForReady: false }]);
    expect(options.waitForReady).toBe(false);
  });

  describe.runIf(HAS.dispatchHook)(`of a dispatch hook ${NEEDS_NEWER_NEST}`, () => {
    it.each<[string, unknown]>([
      ['of grpc-js', grpcMetadata(GIVEN)],
      ['of this package', metadataOf(GIVEN)],
      ['plain', { User: 'ada', role: ['a', 'b'] }],
    ])('takes the place of what the caller gave: %s', async (_, metadata) => {
      const { room, client } = await startInMemory([Tells]);
      client.setOnDispatchHook((packet) => void Object.assign(packet, { metadata }));
      const given = grpcMetadata([
        ['role', 'z'],
        ['user', 'bob'],
      ]);
      for (const call of calls(room, given)) expect(await all(call)).toEqual(GOT);
    });

    it('is refused when it is binary', async () => {
      const { room, client } = await startInMemory([Tells]);
      const metadata = grpcMetadata([['trace-bin', Buffer.from('x')]]);
      client.setOnDispatchHook((packet) => void Object.assign(packet, { metadata }));
      expect(await failure(room.say({}))).toContain('"trace-bin" must be a string');
    });
  });
});

function metadataOf(entries: readonly (readonly [string, string])[]): Metadata {
  const metadata = new Metadata();
  for (const [key, value] of entries) metadata.add(key, value);
  return metadata;
}
