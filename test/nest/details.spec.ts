import { Controller } from '@nestjs/common';
import { GrpcMethod, GrpcStreamMethod, RpcException } from '@nestjs/microservices';
import { lastValueFrom, type Observable } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { StatusError, TtrpcException, TtrpcExceptionFilter } from '../../lib/index.js';
import { startInMemory, type Started, type Text } from './app.js';

const DETAILS = [{ type: 'acme.v1.Text', message: { text: 'why', number: 3 } }];
const TOLD = [
  {
    typeUrl: 'type.googleapis.com/acme.v1.Text',
    value: Buffer.from('0a037768791003', 'hex'),
    message: { text: 'why', number: 3 },
  },
];

class Locked extends Error {}

@Controller()
class Fails {
  @GrpcMethod('RoomService')
  say({ text }: Text): Text {
    if (text === 'map') throw new Locked();
    if (text === 'rpc') throw new RpcException({ code: 9, message: 'm', details: DETAILS });
    if (text === 'status') throw new StatusError({ code: 9, message: 'm', details: DETAILS });
    const wrong = [{ type: 'acme.v1.Txt', message: {} }, ...DETAILS];
    const details = text === 'wrong' ? wrong : DETAILS;
    throw new TtrpcException({ code: 9, message: 'm', details });
  }

  @GrpcStreamMethod('RoomService')
  async *chat(_requests: Observable<Text>): AsyncGenerator<Text> {
    yield {};
    throw new TtrpcException({ code: 9, message: 'm', details: DETAILS });
  }
}

const filter = new TtrpcExceptionFilter({
  map: (error) =>
    error instanceof Locked ? { code: 9, message: 'm', details: DETAILS } : undefined,
});

function serve(filtered: boolean): Promise<Started | Omit<Started, 'url'>> {
  return startInMemory([Fails], {
    prepare: (app) => void (filtered && app.useGlobalFilters(filter)),
  });
}

async function statusOf(call: Observable<Text>): Promise<unknown> {
  const error: unknown = await lastValueFrom(call).catch((reason: unknown) => reason);
  return error instanceof StatusError ? error.status : error;
}

describe('details given as messages', () => {
  it.each([
    ['exception', false],
    ['exception', true],
    ['rpc', false],
    ['rpc', true],
    ['status', true],
    ['map', true],
  ])('reach the caller of a handler that throws (%s, filter: %s)', async (text, filtered) => {
    const { room } = await serve(filtered);
    expect(await statusOf(room.say({ text }))).toEqual({ code: 9, message: 'm', details: TOLD });
  });

  it('reach the caller of a generator, which no filter sees', async () => {
    const { room } = await serve(false);
    expect(await statusOf(room.chat([{}]))).toEqual({ code: 9, message: 'm', details: TOLD });
  });

  it('are logged and left out where the definitions do not know them', async () => {
    const { room, logger } = await serve(true);
    const status = await statusOf(room.say({ text: 'wrong' }));
    expect(status).toEqual({ code: 9, message: 'm', details: TOLD });
    expect(String(logger.errors)).toContain('unknown message type acme.v1.Txt');
  });
});
