import { Controller } from '@nestjs/common';
import { GrpcMethod } from '@nestjs/microservices';
import { describe, expect, it } from 'vitest';
import { TtrpcHealth, TtrpcHealthModule } from '../../lib/index.js';
import {
  payloadCodec,
  type MethodDefinition,
  type MethodKind,
  type TtrpcClient,
} from '../../lib/engine/index.js';
import { all, failure, ROOM, startInMemory, type Started, type Text } from './app.js';

@Controller()
class Says {
  @GrpcMethod('RoomService')
  say(): Text {
    return { text: 'said' };
  }
}

// The bytes are written by hand from the field numbers of the health checking protocol.
const hex = payloadCodec<string>({
  encode: (text) => Buffer.from(text.replaceAll(' ', ''), 'hex'),
  // protobufjs 7 writes a default that is set, which means the same.
  decode: (bytes) =>
    Buffer.from(bytes)
      .toString('hex')
      .replace(/^0800$/, ''),
});

function method(kind: MethodKind, name: string): MethodDefinition<string, string> {
  return { service: 'grpc.health.v1.Health', name, kind, request: hex, response: hex };
}

const Check = method('unary', 'Check');
const Watch = method('serverStreaming', 'Watch');

const WHOLE = '';
const HERO = '0a 04 6865726f';
const [UNKNOWN, SERVING, NOT_SERVING, SERVICE_UNKNOWN] = ['', '0801', '0802', '0803'];

async function serve(
  options: object = {},
): Promise<{ health: TtrpcHealth; engine: TtrpcClient } & Pick<Started, 'logger' | 'room'>> {
  const wishes = { options, module: { imports: [TtrpcHealthModule] } };
  const { app, client, logger, room } = await startInMemory([Says], wishes);
  return { health: app.get(TtrpcHealth), engine: client.unwrap(), logger, room };
}

describe('TtrpcHealthModule', () => {
  it('answers Check with what was said of a service, without a .proto file', async () => {
    const { health, engine } = await serve();
    expect(await engine.unary(Check, WHOLE)).toBe(SERVING);
    for (const [status, bytes] of [
      ['UNKNOWN', UNKNOWN],
      ['SERVING', SERVING],
      ['NOT_SERVING', NOT_SERVING],
    ] as const) {
      health.set('hero', status);
      expect(await engine.unary(Check, HERO)).toBe(bytes);
    }
    expect(await engine.unary(Check, WHOLE)).toBe(SERVING);
  });

  it('knows nothing of a service of which nothing was said', async () => {
    const { engine } = await serve();
    expect(await failure(engine.unary(Check, HERO))).toBe('5 NOT_FOUND: unknown service hero');
  });

  it('streams each change to who watches, the status of now first', async () => {
    const { health, engine } = await serve();
    const changes = ['SERVING', 'SERVING', 'NOT_SERVING'] as const;
    const steps = [
      () => health.set('hero', changes[0]),
      () => {
        // Neither is news to who watches hero.
        health.set('hero', changes[1]);
        health.set('', 'NOT_SERVING');
        health.set('hero', changes[2]);
      },
      () => health.onModuleDestroy(),
    ];
    const heard: string[] = [];
    for await (const status of engine.serverStreaming(Watch, HERO)) {
      heard.push(status);
      if (heard.length === 3) break;
      steps[heard.length - 1]?.();
    }
    expect(heard).toEqual([SERVICE_UNKNOWN, SERVING, NOT_SERVING]);
  });

  it('says that nothing serves once the application goes down', async () => {
    const { health, engine } = await serve();
    health.set('hero', 'SERVING');
    health.onModuleDestroy();
    expect(await engine.unary(Check, WHOLE)).toBe(NOT_SERVING);
    expect(await engine.unary(Check, HERO)).toBe(NOT_SERVING);
  });

  it('leaves the services of the application what they are', async () => {
    const { room, logger, engine } = await serve();
    expect(await all(room.say({}))).toEqual([{ text: 'said' }]);
    expect(logger.errors).toEqual([]);
    expect(logger.warnings.join()).not.toContain('Health');
    expect(await engine.unary(Check, WHOLE)).toBe(SERVING);
  });

  it('goes by the application’s own definition where it has one', async () => {
    const { Root } = (await import('protobufjs')).default;
    const health = {
      Request: { fields: { service: { id: 1, type: 'string' } } },
      Response: { fields: { status: { id: 9, type: 'string' } } },
      Health: {
        methods: {
          Check: { requestType: 'Request', responseType: 'Response' },
          Watch: { requestType: 'Request', responseType: 'Response', responseStream: true },
        },
      },
    };
    const nested = { grpc: { nested: { health: { nested: { v1: { nested: health } } } } } };
    const root = Root.fromJSON({ nested });
    const own = { package: 'grpc', protoPath: undefined, root, loader: ROOM.loader };
    const { engine } = await serve(own);
    expect(await engine.unary(Check, WHOLE)).toBe(`4a07${Buffer.from('SERVING').toString('hex')}`);
  });
});
