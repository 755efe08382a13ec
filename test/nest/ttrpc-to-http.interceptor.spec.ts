import { Controller, Get, NotFoundException, Param } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { GrpcMethod } from '@nestjs/microservices';
import { throwError, type Observable } from 'rxjs';
import { describe, expect, it } from 'vitest';
import {
  ConnectionError,
  StatusError,
  TtrpcExceptionFilter,
  TtrpcToHttpInterceptor,
} from '../../lib/index.js';
import { closeLater, failure, moduleOf, startInMemory, type Text } from './app.js';

const ERRORS: Record<string, Error> = {
  status: new StatusError({ code: 5, message: 'no hero' }, { origin: 'remote' }),
  connection: new ConnectionError('no /run/x', { reason: 'dial', address: 'unix:/run/x' }),
  http: new NotFoundException('mine'),
  other: new Error('secret'),
};

@Controller()
class Gateway {
  @Get('throws/:name')
  async throws(@Param('name') name: string): Promise<never> {
    throw ERRORS[name]!;
  }

  @Get('fails/:name')
  fails(@Param('name') name: string): Observable<never> {
    return throwError(() => ERRORS[name]!);
  }

  @GrpcMethod('RoomService')
  say(): Observable<Text> {
    return throwError(() => new StatusError({ code: 10, message: 'again' }));
  }
}

describe('TtrpcToHttpInterceptor', () => {
  it.each([
    ['status', 404, { message: 'no hero', error: 'Not Found', statusCode: 404 }],
    [
      'connection',
      503,
      { message: 'Service Unavailable', error: 'Service Unavailable', statusCode: 503 },
    ],
    ['http', 404, { message: 'mine', error: 'Not Found', statusCode: 404 }],
    ['other', 500, { message: 'Internal server error', statusCode: 500 }],
  ])('answers HTTP with what a failed call means: %s', async (name, status, body) => {
    const gateway = moduleOf({ controllers: [Gateway] });
    const app = closeLater(await NestFactory.create(gateway, { logger: false }));
    app.useGlobalInterceptors(new TtrpcToHttpInterceptor());
    await app.listen(0, '127.0.0.1');
    for (const way of ['throws', 'fails']) {
      const response = await fetch(`${await app.getUrl()}/${way}/${name}`);
      expect([response.status, await response.json()]).toEqual([status, body]);
    }
  });

  it('leaves other transports alone', async () => {
    const { room } = await startInMemory([Gateway], {
      prepare: (app) =>
        app
          .useGlobalFilters(new TtrpcExceptionFilter())
          .useGlobalInterceptors(new TtrpcToHttpInterceptor()),
    });
    expect(await failure(room.say({}))).toBe('10 ABORTED: again');
  });
});
