import { Controller, Logger } from '@nestjs/common';
import { GrpcMethod, Transport, type GrpcOptions } from '@nestjs/microservices';
import { credentials, ServerCredentials, type Server } from '@grpc/grpc-js';
import { describe, expect, it, vi } from 'vitest';
import { ClientTtrpc, ServerTtrpc } from '../../lib/index.js';
import { translateClientOptions, translateServerOptions } from '../../lib/nest/grpc-options.js';
import { createMemoryTransport } from '../../lib/testing/index.js';
import { all, closeLater, failure, ROOM, startInMemory, type Room, type Text } from './app.js';

const MIB = 1024 * 1024;
const server = (given: object): object => translateServerOptions('X', given).options;
const client = (given: object): object => translateClientOptions('X', given).options;

describe('translateServerOptions', () => {
  it('leaves options that are ours as they are', () => {
    const given = Object.freeze({ url: 'unix:///x', maxPayloadBytes: 2048 });
    expect(translateServerOptions('X', given)).toEqual({ options: given, warning: undefined });
  });

  it.each<[string, object, object]>([
    [
      'a limit of each direction',
      { maxSendMessageLength: 2048, maxReceiveMessageLength: 4096 },
      { maxSendPayloadBytes: 2048, maxPayloadBytes: 4096 },
    ],
    [
      'one of what is sent, which leaves what is accepted alone',
      { maxSendMessageLength: 2048 },
      { maxSendPayloadBytes: 2048 },
    ],
    [
      'one of what is accepted, which leaves what is sent alone',
      { maxReceiveMessageLength: 4096 },
      { maxPayloadBytes: 4096, maxSendPayloadBytes: 4 * MIB },
    ],
    [
      'no limit, which is the limit of the protocol',
      { maxSendMessageLength: -1, maxReceiveMessageLength: 1024 * MIB },
      { maxSendPayloadBytes: 4 * MIB, maxPayloadBytes: 4 * MIB },
    ],
    [
      'the smaller of two names for one thing',
      { maxReceiveMessageLength: 8192, maxPayloadBytes: 4096, maxSendMessageLength: 2048 },
      { maxPayloadBytes: 4096, maxSendPayloadBytes: 2048 },
    ],
    [
      'the smaller of two names for what is sent',
      {
        maxSendMessageLength: 8192,
        maxSendPayloadBytes: 4096,
        maxMetadataSize: 9,
        maxMetadataBytes: 7,
      },
      { maxSendPayloadBytes: 4096, maxMetadataBytes: 7 },
    ],
    ['the size of metadata', { maxMetadataSize: 100 }, { maxMetadataBytes: 100 }],
    [
      'channel arguments',
      {
        channelOptions: {
          'grpc.max_send_message_length': 2048,
          'grpc.max_receive_message_length': -1,
          'grpc.max_metadata_size': 7,
        },
      },
      { maxSendPayloadBytes: 2048, maxPayloadBytes: 4 * MIB, maxMetadataBytes: 7 },
    ],
    [
      "Nest's own options before channel arguments",
      { maxSendMessageLength: 4096, channelOptions: { 'grpc.max_send_message_length': 2048 } },
      { maxSendPayloadBytes: 4096 },
    ],
  ])('takes %s', (_, given, expected) => {
    expect(server(given)).toMatchObject(expected);
    const untouched = Object.keys(server(given)).filter((name) => !(name in given));
    expect(untouched.toSorted()).toEqual(
      Object.keys(expected)
        .filter((name) => !(name in given))
        .toSorted(),
    );
  });

  it('changes nothing of what it was given', () => {
    const channelOptions = Object.freeze({ 'grpc.max_send_message_length': 2048 });
    const given = Object.freeze({ maxSendMessageLength: 4096, channelOptions });
    server(given);
    client(given);
    expect(channelOptions).toEqual({ 'grpc.max_send_message_length': 2048 });
  });

  it('names what it ignores, and why', () => {
    const channelOptions = {
      'grpc.max_send_message_length': 2048,
      'grpc.initial_reconnect_backoff_ms': 50,
      'grpc.default_compression_algorithm': 2,
    };
    expect(translateServerOptions('ServerTtrpc', { channelOptions, keepalive: {} }).warning).toBe(
      'ServerTtrpc ignores of channelOptions grpc.initial_reconnect_backoff_ms, ' +
        'grpc.default_compression_algorithm, as ttrpc has no HTTP/2 channel; ' +
        'and keepalive, as ttrpc has no ping frame',
    );
    expect(translateClientOptions('ClientTtrpc', { channelOptions }).warning).toBe(
      'ClientTtrpc ignores of channelOptions grpc.default_compression_algorithm, ' +
        'as ttrpc has no HTTP/2 channel',
    );
  });

  it.each<[object, string]>([
    [{ maxSendMessageLength: 100 }, 'maxSendMessageLength must be a whole number from 1024'],
    [{ maxReceiveMessageLength: '4' }, 'maxReceiveMessageLength must be a whole number'],
    [{ maxMetadataSize: -1 }, 'maxMetadataSize must be a whole number from 0'],
    [{ channelOptions: 7 }, 'channelOptions must be an object, got 7'],
    [
      { channelOptions: { 'grpc.max_send_message_length': 1 } },
      'grpc.max_send_message_length must be a whole number from 1024',
    ],
    [{ credentials: {} }, 'credentials must be insecure ones of grpc-js, or absent, got an object'],
    [{ credentials: credentials.createSsl() }, 'got secure ones; for TLS, give the option `tls`'],
    [
      { credentials: ServerCredentials.createSsl(null, []) },
      'got secure ones; for TLS, give the option `tls`',
    ],
  ])('refuses %o', (given, message) => {
    expect(() => server(given)).toThrow(message);
    expect(() => client(given)).toThrow(message);
  });

  it('takes insecure credentials of grpc-js for none', () => {
    for (const given of [
      credentials.createInsecure(),
      ServerCredentials.createInsecure(),
      null,
      undefined,
    ]) {
      expect(() => server({ credentials: given })).not.toThrow();
    }
  });
});

describe('translateClientOptions', () => {
  const channelOptions = {
    'grpc.initial_reconnect_backoff_ms': 50,
    'grpc.max_reconnect_backoff_ms': 700,
  };

  it('takes the backoff of channel arguments, and reconnect before it', () => {
    expect(client({ channelOptions })).toMatchObject({ reconnect: { initialMs: 50, maxMs: 700 } });
    expect(client({ channelOptions, reconnect: { maxMs: 900, jitter: 0 } })).toMatchObject({
      reconnect: { initialMs: 50, maxMs: 900, jitter: 0 },
    });
    expect(client({})).not.toHaveProperty('reconnect');
  });
});

@Controller()
class Repeats {
  @GrpcMethod('RoomService')
  say({ number = 0 }: Text): Text {
    return { text: 'x'.repeat(number) };
  }
}

describe('the options of Nest gRPC', () => {
  it('limit each direction for itself', async () => {
    const { room, dial } = await startInMemory([Repeats], {
      options: { maxReceiveMessageLength: 2048, maxSendMessageLength: 4096 },
    });
    expect(await all(room.say({ number: 4000 }))).toHaveLength(1);
    expect(await failure(room.say({ number: 5000 }))).toContain('maximum message size of 4096');
    expect(await failure(room.say({ text: 'x'.repeat(3000) }))).toContain('2048');
    const small = closeLater(new ClientTtrpc({ ...ROOM, dial, maxReceiveMessageLength: 1024 }));
    const smallRoom = small.getService<Room>('RoomService');
    expect(await failure(smallRoom.say({ number: 2000 }))).toContain('1024');
    expect(await all(smallRoom.say({ text: 'x'.repeat(1500) }))).toHaveLength(1);
  });

  it('may stay in an object of the type that Nest has for them', () => {
    const { options }: GrpcOptions = {
      transport: Transport.GRPC,
      options: {
        url: 'unix:room.sock',
        package: [ROOM.package],
        protoPath: [ROOM.protoPath],
        loader: { longs: String, enums: String, includeDirs: ['/'], keepCase: true },
        channelOptions: { 'grpc.max_send_message_length': 2048 },
        credentials: credentials.createInsecure(),
        keepalive: { keepaliveTimeMs: 1 },
        protoLoader: '@grpc/proto-loader',
        onLoadPackageDefinition: (definition, added: Pick<Server, 'addService'>) => {
          added.addService(definition as never, {});
        },
      },
    };
    expect(new ServerTtrpc({ ...options, url: 'unix:room.sock' })).toBeDefined();
    expect(new ClientTtrpc(options)).toBeDefined();
  });

  it('may be shared by a server and a client, which warn once each of what they ignore', async () => {
    const { listen, dial } = createMemoryTransport();
    const shared = {
      ...ROOM,
      gracefulShutdown: true,
      onLoadPackageDefinition: vi.fn(),
      credentials: credentials.createInsecure(),
      channelOptions: { 'grpc.keepalive_time_ms': 1 },
    };
    const warned = vi.spyOn(Logger.prototype, 'warn').mockImplementation(() => undefined);
    const strategy = closeLater(new ServerTtrpc({ ...shared, listen }));
    const made = closeLater(new ClientTtrpc({ ...shared, dial }));
    expect(warned).not.toHaveBeenCalled();
    await new Promise<void>((resolve, reject) =>
      strategy.listen((error) => (error === null ? resolve() : reject(error))),
    );
    await made.connect();
    await made.connect();
    const texts = warned.mock.calls.map(([text]) => text as string);
    warned.mockRestore();
    expect(texts.filter((text) => text.includes('ignores'))).toEqual([
      'ServerTtrpc ignores of channelOptions grpc.keepalive_time_ms, as ttrpc has no HTTP/2 channel',
      'ClientTtrpc ignores of channelOptions grpc.keepalive_time_ms, as ttrpc has no HTTP/2 channel',
    ]);
    expect(shared.onLoadPackageDefinition).toHaveBeenCalledOnce();
  });
});
