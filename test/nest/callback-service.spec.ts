import { Controller } from '@nestjs/common';
import { GrpcMethod } from '@nestjs/microservices';
import type {
  sendUnaryData,
  ServerDuplexStream,
  ServerReadableStream,
  ServerUnaryCall,
  ServerWritableStream,
} from '@grpc/grpc-js';
import * as protoLoader from '@grpc/proto-loader';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { ClientTtrpc, type ServerTtrpcOptions } from '../../lib/index.js';
import { loadWith } from '../../lib/nest/proto-loader.js';
import {
  all,
  closeLater,
  failure,
  ROOM,
  signal,
  startInMemory,
  type Room,
  type Text,
} from './app.js';

const DEFINITION = protoLoader.loadSync(ROOM.protoPath);
const SERVICE = DEFINITION['acme.v1.RoomService'] as protoLoader.ServiceDefinition;

type Done = sendUnaryData<Text>;

/** As grpc-js's users write a service. */
const HANDLERS = {
  prefix: 'callback ',
  say(this: { prefix: string }, call: ServerUnaryCall<Text, Text>, done: Done) {
    const user = call.metadata.get('user').join();
    call.sendMetadata(call.metadata);
    done(null, { text: `${this.prefix}${call.request.text} ${user}` });
  },
  tell(call: ServerWritableStream<Text, Text>) {
    for (const text of (call.request.text ?? '').split(' ')) call.write({ text });
    call.end();
  },
  join(call: ServerReadableStream<Text, Text>, done: Done) {
    const texts: string[] = [];
    call.on('data', ({ text = '' }: Text) => texts.push(text));
    call.on('end', () => done(null, { text: texts.join('+') }));
  },
  chat(call: ServerDuplexStream<Text, Text>) {
    call.on('data', ({ text }: Text) => call.write({ text: `echo ${text}` }));
    call.on('end', () => call.end());
  },
};

function adding(
  implementation: object,
  options: Partial<ServerTtrpcOptions> = {},
): ReturnType<typeof startInMemory> {
  return startInMemory([], {
    options: {
      ...options,
      onLoadPackageDefinition: (_, server) => server.addService(SERVICE, implementation),
    },
  });
}

describe('onLoadPackageDefinition', () => {
  it('adds a service of callbacks, with methods of the four kinds', async () => {
    const { room, logger } = await adding(HANDLERS);
    const metadata = new Map([['user', 'ada']]);
    expect(await all(room.say({ text: 'a' }, metadata))).toEqual([{ text: 'callback a ada' }]);
    expect(await all(room.tell({ text: 'a b' }))).toEqual([{ text: 'a' }, { text: 'b' }]);
    const requests = [{ text: 'x' }, { text: 'y' }];
    expect(await all(room.join(requests))).toEqual([{ text: 'x+y' }]);
    expect(await all(room.chat(requests))).toEqual([{ text: 'echo x' }, { text: 'echo y' }]);
    expect(logger.warnings.join()).not.toContain('RoomService');
    expect(logger.errors).toEqual([]);
  });

  it.each<[string, object]>([
    ['by their names in the .proto', { Say: HANDLERS.say, prefix: 'callback ' }],
    [
      'of a class',
      new (class Impl {
        prefix = 'callback ';
        say = HANDLERS.say;
      })(),
    ],
  ])('finds handlers %s', async (_, implementation) => {
    const { room } = await adding(implementation);
    expect(await all(room.say({ text: 'a' }))).toEqual([{ text: 'callback a ' }]);
    expect(await failure(room.tell({}))).toContain('12 UNIMPLEMENTED');
  });

  it('ends a call with the error of a callback, an event, a throw and a rejection', async () => {
    const refused = Object.assign(new Error('no'), { code: 7, details: 'refused' });
    const { room } = await adding({
      say: (_: unknown, done: Done) => done(refused),
      tell: (call: ServerWritableStream<Text, Text>) => void call.emit('error', refused),
      join: () => {
        throw refused;
      },
      chat: () => Promise.reject(refused),
    });
    for (const call of [room.say({}), room.tell({}), room.join([]), room.chat([])]) {
      expect(await failure(call)).toBe('7 PERMISSION_DENIED: refused');
    }
  });

  it('tells a handler of a response stream when its caller is gone', async () => {
    const cancelled = signal();
    const { room } = await adding({
      tell: (call: ServerWritableStream<Text, Text>) => {
        call.on('cancelled', () => cancelled.resolve());
        call.write({ text: 'first' });
      },
    });
    expect(await failure(room.tell({}, { timeoutMs: 50 }))).toContain('4 DEADLINE_EXCEEDED');
    await cancelled.promise;
  });

  it('gets the package definition as the loader gives it', async () => {
    const onLoadPackageDefinition = vi.fn();
    await startInMemory([], { options: { onLoadPackageDefinition } });
    const [definition] = onLoadPackageDefinition.mock.calls[0] as [Record<string, object>];
    expect(Object.keys(definition)).toEqual(Object.keys(DEFINITION));
    await startInMemory([], {
      options: { onLoadPackageDefinition, protoPath: undefined, packageDefinition: DEFINITION },
    });
    expect(onLoadPackageDefinition.mock.calls[1]?.[0]).toBe(DEFINITION);
  });

  it('stops the application for what is no service, or has no package definition', async () => {
    const add = (definition: object): Promise<unknown> =>
      startInMemory([], {
        options: { onLoadPackageDefinition: (_, server) => server.addService(definition, {}) },
      });
    await expect(add({})).rejects.toThrow('methods with paths');
    await expect(add({ say: {} })).rejects.toThrow('methods with paths');
    const root = { protoPath: undefined, descriptorSet: '/no/such', onLoadPackageDefinition() {} };
    await expect(startInMemory([], { options: root })).rejects.toThrow(
      'onLoadPackageDefinition needs protoPath or packageDefinition',
    );
  });
});

@Controller()
class Says {
  @GrpcMethod('RoomService')
  say({ data }: Text): Text {
    return { text: `said ${typeof data}` };
  }
}

describe('protoLoader', () => {
  it.each<[string, typeof protoLoader | string]>([
    ['a module', '@grpc/proto-loader'],
    ['a loader', protoLoader],
  ])('reads the files with %s, on a server and on a client', async (_, given) => {
    const loadSync = vi.fn(protoLoader.loadSync);
    const loader = { ...ROOM.loader, bytes: String };
    const options = {
      loader,
      protoLoader: typeof given === 'string' ? given : { loadSync },
    };
    const { dial } = await startInMemory([Says], { options });
    const client = closeLater(new ClientTtrpc({ ...ROOM, ...options, dial }));
    const room = client.getService<Room>('RoomService');
    expect(await all(room.say({ data: Buffer.from('x') }))).toEqual([{ text: 'said string' }]);
    if (typeof given !== 'string') {
      expect(loadSync.mock.calls).toEqual([
        [ROOM.protoPath, loader],
        [ROOM.protoPath, loader],
      ]);
    }
  });

  it('says what is wrong with it, and lets the process live', () => {
    const load = (name: string, protoPath: string | string[] = ROOM.protoPath): unknown =>
      loadWith(name, { protoPath });
    expect(() => load('no-such-loader')).toThrow(
      "protoLoader no-such-loader can't be loaded: Cannot find module 'no-such-loader'",
    );
    expect(() => load('node:path')).toThrow("node:path can't be loaded: it has no loadSync");
    expect(() => load('@grpc/proto-loader', join('/no', 'such.proto'))).toThrow(
      /^protoLoader: .*such\.proto/,
    );
  });
});
