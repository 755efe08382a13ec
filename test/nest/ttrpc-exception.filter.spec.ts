import {
  BadRequestException,
  Catch,
  ConflictException,
  Controller,
  ForbiddenException,
  HttpException,
  RequestTimeoutException,
  UnauthorizedException,
  UnprocessableEntityException,
  UseFilters,
  UseGuards,
  type ArgumentsHost,
  type CanActivate,
  type ExceptionFilter,
} from '@nestjs/common';
import { APP_FILTER, HttpAdapterHost, NestFactory } from '@nestjs/core';
import {
  GrpcMethod,
  GrpcNotFoundException,
  GrpcStreamCall,
  GrpcStreamMethod,
  KafkaRetriableException,
  RpcException,
} from '@nestjs/microservices';
import {
  EMPTY,
  lastValueFrom,
  NEVER,
  throwError,
  TimeoutError,
  timeout,
  type Observable,
} from 'rxjs';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import {
  BufferFullError,
  ConnectionError,
  isTtrpcError,
  StatusError,
  TtrpcException,
  TtrpcExceptionFilter,
  type AnyMessage,
  type TtrpcExceptionFilterOptions,
} from '../../lib/index.js';
import {
  all,
  closeLater,
  failure,
  moduleOf,
  startInMemory,
  type Room,
  type Started,
  type Text,
} from './app.js';
import { HAS, NEEDS_NEWER_NEST } from './nest-features.js';

const HIDDEN = '2 UNKNOWN: Internal server error';
const ANY = { typeUrl: 'acme.v1.Text', value: Buffer.of(10, 1, 65) };

const unhandled = vi.fn();
beforeAll(() => {
  process.on('unhandledRejection', unhandled).on('uncaughtException', unhandled);
});
afterAll(async () => {
  await new Promise((resolve) => setTimeout(resolve, 10));
  process.off('unhandledRejection', unhandled).off('uncaughtException', unhandled);
  expect(unhandled).not.toHaveBeenCalled();
});

/** How a handler may fail: each takes what it is to fail with. */
const WAYS: Record<string, (make: () => unknown) => unknown> = {
  throw: (make) => {
    throw make();
  },
  // eslint-disable-next-line typescript/prefer-promise-reject-errors
  reject: (make) => Promise.reject(make()),
  error: (make) => throwError(make),
};

/** A handler of every kind that fails with what `make` gives; pass-through ones beside the others. */
function failing(
  way: (make: () => unknown) => unknown,
  make: () => unknown,
): readonly [Fails, Fails] {
  @Controller()
  class Messages {
    @GrpcMethod('RoomService')
    say(): unknown {
      return way(make);
    }

    @GrpcMethod('RoomService')
    tell(): unknown {
      return way(make);
    }

    @GrpcStreamMethod('RoomService')
    join(_requests: Observable<Text>): unknown {
      return way(make);
    }

    @GrpcStreamMethod('RoomService')
    chat(_requests: Observable<Text>): unknown {
      return way(make);
    }
  }
  @Controller()
  class PassThrough {
    @GrpcStreamCall('RoomService')
    join(): unknown {
      return way(make);
    }

    @GrpcStreamCall('RoomService')
    chat(): unknown {
      return way(make);
    }
  }
  return [Messages, PassThrough];
}

type Fails = new () => object;

/** How the four kinds of call fail, and the two kinds of pass-through handlers. */
async function failuresOf(controllers: readonly Fails[], options?: TtrpcExceptionFilterOptions) {
  const prepare = (app: Started['app']): unknown =>
    app.useGlobalFilters(new TtrpcExceptionFilter(options));
  const texts = new Set<string>();
  const errors: unknown[] = [];
  for (const controller of controllers) {
    const { room, logger } = await startInMemory([controller], { prepare });
    for (const call of callsOf(room, controller.name)) texts.add(await failure(call));
    errors.push(...logger.errors);
  }
  return { texts: [...texts], errors };
}

function callsOf(room: Room, controller: string): Observable<Text>[] {
  const streams = [room.join([{}]), room.chat([{}])];
  return controller === 'PassThrough' ? streams : [room.say({}), room.tell({}), ...streams];
}

/** What grpc-js makes of a failed call. */
function serviceError(): Error {
  return Object.assign(new Error('8 RESOURCE_EXHAUSTED: too much'), {
    code: 8,
    details: 'too much',
    metadata: {},
  });
}

const GRPC_FAMILY = "Nest's GrpcException family, of Nest 12";

const ROWS: readonly (readonly [string, () => unknown, string])[] = [
  ['RpcException of a text', () => new RpcException('told'), '2 UNKNOWN: told'],
  [
    'RpcException of a numeric code',
    () => new RpcException({ code: 5, message: 'no' }),
    '5 NOT_FOUND: no',
  ],
  [
    'RpcException of a named code',
    () => new RpcException({ code: 'NOT_FOUND', message: 'no' }),
    '5 NOT_FOUND: no',
  ],
  [
    'RpcException of a numeric status',
    () => new RpcException({ status: 9, message: 'no' }),
    '9 FAILED_PRECONDITION: no',
  ],
  [
    'RpcException of a named status',
    () => new RpcException({ status: 'ABORTED', message: 'no' }),
    '10 ABORTED: no',
  ],
  [
    'RpcException of several messages',
    () => new RpcException({ code: 3, message: ['a', 'b'] }),
    '3 INVALID_ARGUMENT: a; b',
  ],
  [
    'RpcException of a code alone',
    () => new RpcException({ code: 5 }),
    '5 NOT_FOUND: Rpc Exception',
  ],
  ['RpcException of anything', () => new RpcException({ reason: 7 }), '2 UNKNOWN: Rpc Exception'],
  [
    'RpcException of nothing',
    () => new RpcException(undefined as never),
    '2 UNKNOWN: Rpc Exception',
  ],
  [
    'RpcException around an HttpException',
    () => new RpcException(new ConflictException('twice')),
    '6 ALREADY_EXISTS: twice',
  ],
  ['RpcException around an unknown error', () => new RpcException(new Error('secret')), HIDDEN],
  [
    'TtrpcException',
    () => new TtrpcException({ code: 'DATA_LOSS', message: 'torn' }),
    '15 DATA_LOSS: torn',
  ],
  [GRPC_FAMILY, () => new GrpcNotFoundException('no'), '5 NOT_FOUND: no'],
  ['UnauthorizedException', () => new UnauthorizedException('who?'), '16 UNAUTHENTICATED: who?'],
  ['ForbiddenException', () => new ForbiddenException(), '7 PERMISSION_DENIED: Forbidden'],
  [
    'RequestTimeoutException',
    () => new RequestTimeoutException('late'),
    '4 DEADLINE_EXCEEDED: late',
  ],
  ['HttpException of a text', () => new HttpException('tea', 418), '3 INVALID_ARGUMENT: tea'],
  [
    'HttpException of an object',
    () => new HttpException({ reason: 1 }, 503),
    '14 UNAVAILABLE: Http Exception',
  ],
  [
    'what ValidationPipe throws',
    () => new BadRequestException(['name must be a string', 'age is old']),
    '3 INVALID_ARGUMENT: name must be a string; age is old',
  ],
  ['the same with 422', () => new UnprocessableEntityException(['bad']), '3 INVALID_ARGUMENT: bad'],
  ["rxjs's TimeoutError", () => new TimeoutError(), '4 DEADLINE_EXCEEDED: Timeout has occurred'],
  [
    'AbortError',
    () => AbortSignal.abort().reason as unknown,
    '1 CANCELLED: This operation was aborted',
  ],
  ['StatusError', () => new StatusError({ code: 11, message: 'far' }), '11 OUT_OF_RANGE: far'],
  [
    'ConnectionError',
    () => new ConnectionError('gone', { reason: 'eof', address: 'a' }),
    '14 UNAVAILABLE: gone',
  ],
  ['BufferFullError', () => new BufferFullError('full'), '8 RESOURCE_EXHAUSTED: full'],
  ["grpc-js's ServiceError", serviceError, '8 RESOURCE_EXHAUSTED: too much'],
  ['an object with a code', () => ({ code: 'UNKNOWN', message: 'told' }), '2 UNKNOWN: told'],
  ['an object without a code', () => ({ message: 'secret' }), HIDDEN],
  ['Error', () => new Error('secret'), HIDDEN],
  ['Error with an exit code', () => Object.assign(new Error('secret'), { code: 1 }), HIDDEN],
  ['Error with a text code', () => Object.assign(new Error('secret'), { code: 'ABORTED' }), HIDDEN],
  ['an exception of Kafka', () => new KafkaRetriableException('secret'), HIDDEN],
  ['a text', () => 'secret', HIDDEN],
  ['undefined', () => undefined, HIDDEN],
];

/** What the engine takes for a status where no filter of Nest's comes between: gRPC's idioms. */
const RAW = new Map([
  ['an object without a code', '2 UNKNOWN: secret'],
  ['Error with an exit code', '1 CANCELLED: secret'],
]);

describe('TtrpcExceptionFilter', () => {
  describe.each(Object.entries(WAYS))('what handlers of every kind %s', (_, way) => {
    it.for(ROWS)('has its status: %s', async ([name, make, expected], { skip }) => {
      skip(name === GRPC_FAMILY && !HAS.grpcExceptions, NEEDS_NEWER_NEST);
      const { texts, errors } = await failuresOf(failing(way, make));
      expect(texts).toEqual([expected]);
      // Unknown ones are logged, each once.
      expect(errors).toHaveLength(expected === HIDDEN ? 6 : 0);
    });
  });

  it.for(ROWS)('need not be there for an (async) iterable: %s', async (row, { skip }) => {
    const [name, make, expected] = row;
    skip(name === GRPC_FAMILY && !HAS.grpcExceptions, NEEDS_NEWER_NEST);
    const generators = [
      // eslint-disable-next-line require-yield
      function* () {
        throw make();
      },
      // eslint-disable-next-line require-yield
      async function* () {
        await Promise.resolve();
        throw make();
      },
    ];
    for (const generator of generators) {
      const [messages] = failing(() => generator(), make);
      const { room } = await startInMemory([messages]);
      const texts = await Promise.all(callsOf(room, 'Messages').map((call) => failure(call)));
      expect(new Set(texts)).toEqual(new Set([RAW.get(name) ?? expected]));
    }
  });

  it('brings details along', async () => {
    const makes = [
      () => new TtrpcException({ code: 9, message: 'no', details: [ANY] }),
      () => new RpcException({ code: 'FAILED_PRECONDITION', message: 'no', details: [ANY] }),
      () => new HttpException({ message: 'no', details: [ANY] }, 412),
      () => new StatusError({ code: 9, message: 'no', details: [ANY] }),
    ];
    for (const make of makes) {
      expect(await detailsOf(make)).toMatchObject([ANY]);
    }
    const options = { map: () => ({ code: 9, details: [ANY] }) };
    expect(await detailsOf(() => new Error('x'), options)).toMatchObject([ANY]);
  });

  it('asks `map` first, and the table for what that leaves', async () => {
    class NoSuchRow extends Error {}
    const map: TtrpcExceptionFilterOptions['map'] = (exception) => {
      if (exception instanceof NoSuchRow) return { code: 5, message: 'no such hero' };
      return exception instanceof ForbiddenException ? { code: 16 } : undefined;
    };
    const answers = [
      [new NoSuchRow('row 7'), '5 NOT_FOUND: no such hero'],
      [new ForbiddenException(), '16 UNAUTHENTICATED: '],
      [new ConflictException('twice'), '6 ALREADY_EXISTS: twice'],
    ] as const;
    for (const [error, expected] of answers) {
      const controllers = failing(WAYS['throw']!, () => error);
      expect((await failuresOf(controllers, { map })).texts).toEqual([expected]);
    }
  });

  it('ends the call also when `map` throws, or gives what is no status', async () => {
    const controllers = failing(WAYS['error']!, () => new Error('secret'));
    const broken = (): never => {
      throw new Error('broken map');
    };
    expect((await failuresOf(controllers, { map: broken })).texts).toEqual([HIDDEN]);
    const odd = (): { code: number } => ({ code: 0 });
    expect((await failuresOf(controllers, { map: odd })).texts).toEqual(['2 UNKNOWN: ']);
  });

  it('answers for an exception whose getters throw', async () => {
    const exception = Object.defineProperty(new Error('secret'), 'getError', {
      get: () => {
        throw new Error('boom');
      },
    });
    const controllers = failing(WAYS['throw']!, () => exception);
    expect((await failuresOf(controllers)).texts).toEqual([HIDDEN]);
  });

  it('tells the text of unknown errors where the server may', async () => {
    const [messages] = failing(WAYS['throw']!, () => new Error('told'));
    const { room } = await startInMemory([messages], {
      options: { exposeErrorMessages: true },
      prepare: (app) => app.useGlobalFilters(new TtrpcExceptionFilter()),
    });
    expect(await failure(room.say({}))).toBe('2 UNKNOWN: told');
  });

  it('serves a guard that denies, an interceptor whose time is up, a pipe that refuses', async () => {
    const deny: CanActivate = { canActivate: () => false };
    for (const [prepare, expected] of [
      [
        (app: Started['app']) => app.useGlobalGuards(deny),
        '7 PERMISSION_DENIED: Forbidden resource',
      ],
      [
        (app: Started['app']) =>
          app.useGlobalInterceptors({ intercept: () => NEVER.pipe(timeout(1)) }),
        '4 DEADLINE_EXCEEDED: Timeout has occurred',
      ],
      [
        (app: Started['app']) => app.useGlobalPipes({ transform: refuse }),
        '3 INVALID_ARGUMENT: a; b',
      ],
    ] as const) {
      for (const controller of failing(
        () => EMPTY,
        () => undefined,
      )) {
        const { room } = await startInMemory([controller], {
          prepare: (app) => prepare(app.useGlobalFilters(new TtrpcExceptionFilter())),
        });
        for (const call of callsOf(room, controller.name)) {
          expect(await failure(call)).toBe(expected);
        }
      }
    }
  });

  it('may be provided as APP_FILTER, or used by a controller or a method', async () => {
    const make = (): Error => new UnauthorizedException('who?');
    const [provided] = failing(WAYS['throw']!, make);
    const app = await startInMemory([provided], {
      module: { providers: [{ provide: APP_FILTER, useClass: TtrpcExceptionFilter }] },
    });
    expect(await failure(app.room.say({}))).toBe('16 UNAUTHENTICATED: who?');

    const [used] = failing(WAYS['error']!, make);
    UseFilters(TtrpcExceptionFilter)(used);
    const { room } = await startInMemory([used]);
    expect(await failure(room.chat([]))).toBe('16 UNAUTHENTICATED: who?');

    @Controller()
    class OfMethods {
      @GrpcMethod('RoomService')
      @UseFilters(TtrpcExceptionFilter)
      say(): never {
        throw make();
      }

      @GrpcMethod('RoomService')
      tell(): never {
        throw make();
      }
    }
    const both = await startInMemory([OfMethods]);
    expect(await failure(both.room.say({}))).toBe('16 UNAUTHENTICATED: who?');
    expect(await failure(both.room.tell({}))).toBe(HIDDEN);
  });

  it('may be extended', async () => {
    @Catch()
    class Extended extends TtrpcExceptionFilter {
      constructor() {
        super({ map: () => ({ code: 12, message: 'not yet' }) });
      }
    }
    const [messages] = failing(WAYS['throw']!, () => new Error('secret'));
    const { room } = await startInMemory([messages], {
      module: { providers: [{ provide: APP_FILTER, useClass: Extended }] },
    });
    expect(await failure(room.join([]))).toBe('12 UNIMPLEMENTED: not yet');
  });

  it('is not needed by a filter of the user that throws an exception', async () => {
    @Catch()
    class Translates implements ExceptionFilter {
      catch(): never {
        throw new RpcException({ code: 5, message: 'translated' });
      }
    }
    for (const way of Object.values(WAYS)) {
      for (const controller of failing(way, () => new Error('secret'))) {
        UseFilters(new Translates())(controller);
        const { room } = await startInMemory([controller]);
        for (const call of callsOf(room, controller.name)) {
          expect(await failure(call)).toBe('5 NOT_FOUND: translated');
        }
      }
    }
  });

  it('lets guards of a controller throw what they like', async () => {
    const guard: CanActivate = {
      canActivate: () => {
        throw new UnauthorizedException('who?');
      },
    };
    for (const controller of failing(
      () => EMPTY,
      () => undefined,
    )) {
      UseGuards(guard)(controller);
      expect((await failuresOf([controller])).texts).toEqual(['16 UNAUTHENTICATED: who?']);
    }
  });
});

function refuse(): never {
  throw new BadRequestException(['a', 'b']);
}

/** The details that a failed call brings along. */
async function detailsOf(
  make: () => unknown,
  options?: TtrpcExceptionFilterOptions,
): Promise<readonly AnyMessage[]> {
  const [messages] = failing(WAYS['throw']!, make);
  const { room } = await startInMemory([messages], {
    prepare: (app) => app.useGlobalFilters(new TtrpcExceptionFilter(options)),
  });
  const error = await all(room.say({})).catch((caught: unknown) => caught);
  if (!isTtrpcError(error) || error.kind !== 'ttrpc.status') throw error;
  return error.status.details;
}

/** A filter of an application that has this HTTP adapter. */
async function madeByNest(httpAdapter: object): Promise<TtrpcExceptionFilter> {
  const providers = [TtrpcExceptionFilter, { provide: HttpAdapterHost, useValue: { httpAdapter } }];
  const app = await NestFactory.createApplicationContext(moduleOf({ providers }), {
    logger: false,
  });
  return closeLater(app).get(TtrpcExceptionFilter);
}

/** What a filter is told of where an exception was thrown. */
function hostOf(type: string, ...given: unknown[]): ArgumentsHost {
  const host: Pick<ArgumentsHost, 'getType' | 'getArgs' | 'getArgByIndex'> = {
    getType: () => type as never,
    getArgs: () => given as never,
    getArgByIndex: (index: number) => given[index] as never,
  };
  return host as ArgumentsHost;
}

describe('TtrpcExceptionFilter elsewhere', () => {
  const filter = new TtrpcExceptionFilter({ map: () => ({ code: 3 }) });

  it("leaves other transports' exceptions to Nest's own filter", async () => {
    const grpcCall = { metadata: {}, getPath: () => '/a/b' };
    for (const given of [[{}, {}, grpcCall], [grpcCall], [{ data: 1 }, {}], []]) {
      const caught = filter.catch(new RpcException({ code: 5 }), hostOf('rpc', ...given));
      await expect(lastValueFrom(caught!)).rejects.toEqual({ code: 5 });
    }
  });

  it.each(['graphql', 'ws'])('goes on to whatever answers %s', (type) => {
    expect(filter.catch(new RpcException('x'), hostOf(type, {}, {}))).toBeUndefined();
  });

  it('answers HTTP requests as Nest does', () => {
    for (const [exception, status, body] of [
      [
        new ConflictException('twice'),
        409,
        { message: 'twice', error: 'Conflict', statusCode: 409 },
      ],
      [new RpcException('x'), 500, { message: 'Internal server error', statusCode: 500 }],
    ] as const) {
      const response = { status: vi.fn().mockReturnThis(), send: vi.fn() };
      expect(filter.catch(exception, hostOf('http', {}, response))).toBeUndefined();
      expect(response.status).toHaveBeenCalledExactlyOnceWith(status);
      expect(response.send).toHaveBeenCalledExactlyOnceWith(body);
    }
  });

  it("answers by the application's HTTP adapter where Nest made the filter", async () => {
    const reply = vi.fn();
    const adapter = { isHeadersSent: () => false, reply };
    const made = await madeByNest(adapter);
    const response = {};
    // eslint-disable-next-line promise/valid-params -- it is no promise
    made.catch(new ConflictException('twice'), hostOf('http', {}, response));
    expect(reply).toHaveBeenCalledExactlyOnceWith(
      response,
      expect.objectContaining({ message: 'twice' }),
      409,
    );
  });

  it.each([
    ['Express', (end: () => void) => ({ headersSent: true, end })],
    ['Fastify', (end: () => void) => ({ sent: true, raw: { end } })],
  ])('only ends a response of %s that has begun', (_, make) => {
    const end = vi.fn();
    const response = { ...make(end), status: vi.fn(), send: vi.fn() };
    filter.catch(new ConflictException('twice'), hostOf('http', {}, response));
    expect(end).toHaveBeenCalledOnce();
    expect(response.send).not.toHaveBeenCalled();
  });
});
