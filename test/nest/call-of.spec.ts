import {
  Controller,
  Get,
  Injectable,
  UseGuards,
  type CanActivate,
  type ExecutionContext,
} from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import {
  ClientGrpcProxy,
  GrpcMethod,
  GrpcStreamCall,
  Transport,
  type MicroserviceOptions,
} from '@nestjs/microservices';
import { describe, expect, it } from 'vitest';
import { ClientTtrpc, ServerTtrpc, ttrpcContextOf, type TtrpcDuplexCall } from '../../lib/index.js';
import { createMemoryTransport } from '../../lib/testing/index.js';
import { all, closeLater, moduleOf, ROOM, socketPath, type Room, type Text } from './app.js';

const seen: unknown[] = [];

@Injectable()
class Watch implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    const call = ttrpcContextOf(context);
    seen.push(call && `${call.getPattern()} of ${call.metadata.get('user')[0]}`);
    return true;
  }
}

@Controller('room')
@UseGuards(Watch)
class Talks {
  @Get()
  @GrpcMethod('RoomService')
  say(): Text {
    return { text: 'said' };
  }

  @GrpcStreamCall('RoomService')
  chat(call: TtrpcDuplexCall): void {
    call.on('data', () => undefined).on('end', () => call.end());
  }
}

describe('ttrpcContextOf', () => {
  it('gives the call of any kind of handler, and nothing beside ttrpc', async () => {
    const { listen, dial } = createMemoryTransport();
    const app = closeLater(
      await NestFactory.create(moduleOf({ controllers: [Talks] }), { logger: false }),
    );
    const url = `unix://${socketPath()}`;
    app.connectMicroservice({ strategy: new ServerTtrpc({ ...ROOM, listen }) });
    app.connectMicroservice<MicroserviceOptions>({
      transport: Transport.GRPC,
      options: { ...ROOM, url },
    });
    await app.startAllMicroservices();
    await app.listen(0, '127.0.0.1');

    const room = closeLater(new ClientTtrpc({ ...ROOM, dial })).getService<Room>('RoomService');
    await all(room.say({}, { metadata: { user: 'ada' } }));
    await all(room.chat([{}], { metadata: { user: 'bob' } }));
    const grpc = new ClientGrpcProxy({ ...ROOM, url });
    await all(grpc.getService<Room>('RoomService').say({}));
    grpc.close();
    expect(await (await fetch(`${await app.getUrl()}/room`)).json()).toEqual({ text: 'said' });

    expect(seen).toEqual([
      'acme.v1.RoomService/Say of ada',
      'acme.v1.RoomService/Chat of bob',
      undefined,
      undefined,
    ]);
  });
});
