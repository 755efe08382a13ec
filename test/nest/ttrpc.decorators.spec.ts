import { credentials, loadPackageDefinition, type ServiceError } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import {
  Controller,
  Injectable,
  type INestApplication,
  type OnApplicationShutdown,
  type OnModuleDestroy,
} from '@nestjs/common';
import { AbstractHttpAdapter, NestFactory } from '@nestjs/core';
import {
  GrpcMethod,
  GrpcStreamMethod,
  RpcException,
  Transport,
  type MicroserviceOptions,
} from '@nestjs/microservices';
import { map, type Observable } from 'rxjs';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import {
  ServerTtrpc,
  TtrpcMethod,
  TtrpcStreamCall,
  TtrpcStreamMethod,
  type TtrpcDuplexCall,
} from '../../lib/index.js';
import {
  all,
  closeLater,
  connect,
  failure,
  moduleOf,
  ROOM,
  socketPath,
  start,
  type Room,
  type Text,
} from './app.js';

describe('TtrpcMethod, TtrpcStreamMethod, TtrpcStreamCall', () => {
  it('serve the four kinds, under the names that they give or default to', async () => {
    @Controller()
    class RoomService {
      @TtrpcMethod()
      say(...given: unknown[]): Text {
        return { number: given.length };
      }

      @TtrpcMethod('acme.v1.RoomService', 'tell')
      speak(): Text[] {
        return [{ text: 'a' }, { text: 'b' }];
      }

      @TtrpcStreamMethod('RoomService')
      join(requests: Observable<Text>): Observable<Text> {
        return requests;
      }

      @TtrpcStreamCall('RoomService')
      chat(call: TtrpcDuplexCall): void {
        call.on('data', (message) => call.write(message)).on('end', () => call.end());
      }
    }
    const { room } = await start([RoomService]);
    expect(await all(room.say({}))).toEqual([{ number: 3 }]);
    expect(await all(room.tell({}))).toEqual([{ text: 'a' }, { text: 'b' }]);
    expect(await all(room.join([{ text: 'a' }, { text: 'b' }]))).toEqual([{ text: 'b' }]);
    expect(await all(room.chat([{ text: 'a' }]))).toEqual([{ text: 'a' }]);
  });
});

/** A port that nobody has at the moment. */
async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as { port: number };
  probe.close();
  await once(probe, 'close');
  return port;
}

/** Stands where an HTTP adapter must: nothing in these tests is HTTP. */
const SilentAdapter = class extends (AbstractHttpAdapter as unknown as new () => object) {
  getType(): string {
    return 'silent';
  }

  close(): void {}
} as unknown as new () => AbstractHttpAdapter;
for (const name of [
  'initHttpServer',
  'registerParserMiddleware',
  'setErrorHandler',
  'setNotFoundHandler',
]) {
  Object.defineProperty(SilentAdapter.prototype, name, { value: () => undefined });
}

/** An application without an HTTP server: only what is connected to it listens. */
async function hybrid(
  module: ReturnType<typeof moduleOf>,
): Promise<{ app: INestApplication; url: string }> {
  const app = await NestFactory.create(module, new SilentAdapter(), { logger: false });
  return { app: closeLater(app), url: `unix://${socketPath()}` };
}

describe('a hybrid application', () => {
  it('serves one controller over gRPC and ttrpc; the twins over ttrpc alone', async () => {
    @Controller()
    class Both {
      @GrpcMethod('RoomService')
      say({ text }: Text): Text {
        if (text === 'fail') throw new RpcException({ code: 5, message: 'no' });
        return { text: `said ${text}` };
      }

      @GrpcStreamMethod('RoomService')
      chat(requests: Observable<Text>): Observable<Text> {
        return requests.pipe(map(({ text }) => ({ text: `${text}!` })));
      }

      @TtrpcMethod('RoomService')
      tell(): Text[] {
        return [{ text: 'ttrpc alone' }];
      }
    }
    const { app, url } = await hybrid(moduleOf({ controllers: [Both] }));
    const address = `127.0.0.1:${await freePort()}`;
    app.connectMicroservice<MicroserviceOptions>({
      transport: Transport.GRPC,
      options: { package: ROOM.package, protoPath: ROOM.protoPath, url: address },
    });
    app.connectMicroservice<MicroserviceOptions>({ strategy: new ServerTtrpc({ ...ROOM, url }) });
    await app.startAllMicroservices();

    const room = connect(url).getService<Room>('RoomService');
    expect(await all(room.say({ text: 'a' }))).toEqual([{ text: 'said a' }]);
    expect(await all(room.tell({}))).toEqual([{ text: 'ttrpc alone' }]);
    expect(await all(room.chat([{ text: 'a' }]))).toEqual([{ text: 'a!' }]);
    expect(await failure(room.say({ text: 'fail' }))).toBe('5 NOT_FOUND: no');

    const definitions = loadPackageDefinition(loadSync(ROOM.protoPath)) as unknown as {
      acme: { v1: { RoomService: new (...given: unknown[]) => GrpcRoom } };
    };
    const grpc = new definitions.acme.v1.RoomService(address, credentials.createInsecure());
    const call = (name: 'say', request: Text): Promise<unknown> =>
      new Promise((resolve) => {
        grpc[name](request, (error, response) => resolve(error?.message ?? response));
      });
    expect(await call('say', { text: 'a' })).toMatchObject({ text: 'said a' });
    expect(await call('say', { text: 'fail' })).toBe('5 NOT_FOUND: no');
    const told = grpc.tell({});
    const [error] = (await once(
      told.on('data', () => undefined),
      'error',
    )) as [ServiceError];
    expect(error.code).toBe(12);
    grpc.close();
  });

  it('closes its server with the application, behind the hooks of its providers', async () => {
    const order: string[] = [];
    @Injectable()
    class Watches implements OnModuleDestroy, OnApplicationShutdown {
      onModuleDestroy(): void {
        order.push('destroyed');
      }

      onApplicationShutdown(): void {
        order.push('shut down');
      }
    }
    const { app, url } = await hybrid(moduleOf({ providers: [Watches] }));
    const server = new ServerTtrpc({ ...ROOM, url });
    app.connectMicroservice<MicroserviceOptions>({ strategy: server });
    await app.startAllMicroservices();
    server.status.subscribe((status) => order.push(status));
    await app.close();
    expect(order).toEqual(['up', 'destroyed', 'down', 'shut down']);
  });
});

interface GrpcRoom {
  say(request: Text, callback: (error: Error | null, response: unknown) => void): void;
  tell(request: Text): NodeJS.EventEmitter;
  close(): void;
}
