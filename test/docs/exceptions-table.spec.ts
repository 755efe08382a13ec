import {
  Controller,
  HttpException,
  UnprocessableEntityException,
  type CanActivate,
  type ExecutionContext,
} from '@nestjs/common';
import { GrpcMethod, GrpcNotFoundException, RpcException } from '@nestjs/microservices';
import { TimeoutError } from 'rxjs';
import { beforeEach, describe, expect, it } from 'vitest';
import {
  DefinitionError,
  StatusCode,
  StatusError,
  TtrpcException,
  TtrpcExceptionFilter,
} from '../../lib/index.js';
import { failure, startInMemory, type Room } from '../nest/app.js';
import { tableOf } from './documents.js';

/** What a handler throws, and how its call ends. */
type Case = readonly [thrown: unknown, ends: string];

class Mapped extends Error {}

/** In place of an exception: the guard denies. */
const DENIED = Symbol('denied');

const http = (status: number): HttpException => new HttpException('text', status);
const httpCases = (statuses: Readonly<Record<number, string>>): Case[] =>
  Object.entries(statuses).map(([status, name]) => [http(Number(status)), `${name}: text`]);

/** What stands for each row, by its first cell. */
const ROWS: Readonly<Record<string, readonly Case[]>> = {
  'what `map` gives a status for': [[new Mapped('text'), 'DATA_LOSS: mapped']],
  "`TtrpcException`, `RpcException` with a `code` or `status`: 5 or 'NOT_FOUND'": [
    [new TtrpcException({ code: StatusCode.NotFound, message: 'text' }), 'NOT_FOUND: text'],
    [new RpcException({ code: 5, message: 'text' }), 'NOT_FOUND: text'],
    [new RpcException({ code: 'NOT_FOUND', message: 'text' }), 'NOT_FOUND: text'],
    [new RpcException({ status: 'NOT_FOUND', message: 'text' }), 'NOT_FOUND: text'],
  ],
  '`RpcException` of a text': [[new RpcException('text'), 'UNKNOWN: text']],
  'a guard that returns false': [[DENIED, 'PERMISSION_DENIED: Forbidden resource']],
  "Nest's `GrpcException` family": [[new GrpcNotFoundException('text'), 'NOT_FOUND: text']],
  '`HttpException`: 400, 422 (`ValidationPipe`, messages joined by `; `)': [
    [http(400), 'INVALID_ARGUMENT: text'],
    [new UnprocessableEntityException(['one', 'two']), 'INVALID_ARGUMENT: one; two'],
  ],
  '401, 403, 404 and 410, 409': httpCases({
    401: 'UNAUTHENTICATED',
    403: 'PERMISSION_DENIED',
    404: 'NOT_FOUND',
    410: 'NOT_FOUND',
    409: 'ALREADY_EXISTS',
  }),
  '405 and 501, 408 and 504, 412, 413 and 429, 416, 499, 502 and 503': httpCases({
    405: 'UNIMPLEMENTED',
    501: 'UNIMPLEMENTED',
    408: 'DEADLINE_EXCEEDED',
    504: 'DEADLINE_EXCEEDED',
    412: 'FAILED_PRECONDITION',
    413: 'RESOURCE_EXHAUSTED',
    429: 'RESOURCE_EXHAUSTED',
    416: 'OUT_OF_RANGE',
    499: 'CANCELLED',
    502: 'UNAVAILABLE',
    503: 'UNAVAILABLE',
  }),
  'other 4xx, other 5xx': httpCases({ 418: 'INVALID_ARGUMENT', 507: 'INTERNAL' }),
  '`TimeoutError` (rxjs, AbortSignal), `AbortError`': [
    [new TimeoutError(), 'DEADLINE_EXCEEDED: Timeout has occurred'],
    [new DOMException('text', 'TimeoutError'), 'DEADLINE_EXCEEDED: text'],
    [new DOMException('text', 'AbortError'), 'CANCELLED: text'],
  ],
  "a `TtrpcError`, grpc-js's `ServiceError`, an object with a `code`": [
    [new StatusError({ code: 5, message: 'text' }), 'NOT_FOUND: text'],
    [new DefinitionError('text'), 'INTERNAL: text'],
    [
      Object.assign(new Error('5 NOT_FOUND: text'), { code: 5, details: 'text' }),
      'NOT_FOUND: text',
    ],
    [{ code: 5, message: 'text' }, 'NOT_FOUND: text'],
  ],
  'anything else': [
    [new Error('text'), 'UNKNOWN: Internal server error'],
    ['text', 'UNKNOWN: Internal server error'],
  ],
};

const cases = Object.values(ROWS).flat();
const table = tableOf('README.md', ['thrown in a handler', 'status', 'needs the filter']);
const rows = table.map(([thrown = '', status = '', filter = '']) => ({ thrown, status, filter }));

@Controller()
class ThrowingController {
  @GrpcMethod('RoomService')
  say({ number = 0 }: { number?: number }): never {
    throw cases[number]?.[0];
  }
}

const denying: CanActivate = {
  canActivate: (context: ExecutionContext) =>
    cases[context.switchToRpc().getData<{ number?: number }>().number ?? 0]?.[0] !== DENIED,
};

describe("the README's table of exceptions", () => {
  const rooms: Partial<Record<'bare' | 'filtered', Room>> = {};

  /** How the call of a case ends, without the number in front. */
  const endOf = async (side: 'bare' | 'filtered', one: Case): Promise<string> => {
    const text = await failure(rooms[side]!.say({ number: cases.indexOf(one) }));
    return text.replace(/^\d+ /, '');
  };

  beforeEach(async () => {
    const map = (error: unknown): { code: number; message: string } | undefined =>
      error instanceof Mapped ? { code: StatusCode.DataLoss, message: 'mapped' } : undefined;
    const bare = await startInMemory([ThrowingController], {
      prepare: (app) => app.useGlobalGuards(denying),
    });
    const filtered = await startInMemory([ThrowingController], {
      prepare: (app) =>
        app.useGlobalGuards(denying).useGlobalFilters(new TtrpcExceptionFilter({ map })),
    });
    rooms.bare = bare.room;
    rooms.filtered = filtered.room;
  });

  it('is the table that is run here', () => {
    expect(rows.map(({ thrown }) => thrown)).toEqual(Object.keys(ROWS));
  });

  it.each(rows)('ends a call with $status for $thrown', async ({ thrown, status, filter }) => {
    const names = new Set<string>();
    for (const one of ROWS[thrown] ?? []) {
      const [, end] = one;
      names.add(end.split(':')[0]!);
      expect(await endOf('filtered', one)).toBe(end);
      const bare = await endOf('bare', one);
      if (filter === 'no') expect(bare).toBe(end);
      else expect(bare).not.toBe(end);
    }
    const named = status.match(/\b[A-Z][A-Z_]{4,}\b/g);
    if (named !== null) expect(named.toSorted()).toEqual([...names].toSorted());
  });
});
