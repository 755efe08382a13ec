import {
  Catch,
  Controller,
  NotFoundException,
  UseFilters,
  type CallHandler,
  type ExecutionContext,
  type RpcExceptionFilter,
  type Type,
} from '@nestjs/common';
import {
  BaseRpcExceptionFilter,
  GrpcExceptionFilter,
  GrpcMethod,
  GrpcNotFoundException,
  GrpcStatus,
  GrpcException,
  GrpcStreamMethod,
  RpcException,
} from '@nestjs/microservices';
import { Metadata } from '@grpc/grpc-js';
import { NEVER, throwError, timeout, type Observable } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { all, ending, start, type Wishes } from './application.js';
import { crashOf } from './crash.js';
import { PROCESS_ENDS, recorded, type DifferenceId } from './differences.js';
import { KINDS_SERVICE, type Kinds, type Text } from './kinds.js';
import { KINDS, TRANSPORTS, type ParityTransport } from './transports.js';

const METHODS = ['One', 'Many', 'Collect', 'Chat'] as const;

/** A controller whose four handlers fail with what `make` makes. */
function failing(make: () => unknown, thrown: boolean): Type {
  const fail = (): Observable<Text> => {
    if (thrown) throw make();
    return throwError(make);
  };
  @Controller()
  class Failing {
    @GrpcMethod('Kinds')
    one(): Observable<Text> {
      return fail();
    }

    @GrpcMethod('Kinds')
    many(): Observable<Text> {
      return fail();
    }

    @GrpcStreamMethod('Kinds')
    collect(): Observable<Text> {
      return fail();
    }

    @GrpcStreamMethod('Kinds')
    chat(): Observable<Text> {
      return fail();
    }
  }
  return Failing;
}

/** How calls of the four kinds fail; all in the same way, hence one text. */
async function failureOf(
  transport: ParityTransport,
  controller: Type,
  wishes: Wishes = {},
): Promise<string> {
  const { raw } = await start(transport, KINDS, [controller], wishes);
  const calls = METHODS.map((method) => raw.open(KINDS_SERVICE, method, { request: {} }));
  const texts = await Promise.all(calls.map(({ ended }) => ended));
  return [...new Set(texts)].join(', ');
}

const HIDDEN = '2 UNKNOWN: Internal server error';

const SAME: readonly (readonly [what: string, make: () => unknown, status: string])[] = [
  ['an Error', () => new Error('secret'), HIDDEN],
  ['an Error with a code', () => Object.assign(new Error('secret'), { code: 7 }), HIDDEN],
  ['a string', () => 'secret', HIDDEN],
  ['an HttpException', () => new NotFoundException('secret'), HIDDEN],
  ["Nest's GrpcException", () => new GrpcNotFoundException('secret'), HIDDEN],
  ['an RpcException of a text', () => new RpcException('text'), '2 UNKNOWN: text'],
  [
    'an RpcException with a code',
    () => new RpcException({ code: 5, message: 'nf' }),
    '5 NOT_FOUND: nf',
  ],
  [
    'an RpcException with details',
    () => new RpcException({ code: 6, message: 'nf', details: 'd' }),
    '6 ALREADY_EXISTS: d',
  ],
  [
    'an RpcException with a code in digits',
    () => new RpcException({ code: '5', message: 'text' }),
    '2 UNKNOWN: text',
  ],
  [
    'an RpcException with a code and no message',
    () => new RpcException({ code: 5 }),
    '5 NOT_FOUND: Unknown Error',
  ],
  [
    'an RpcException without a code',
    () => new RpcException({ message: 'text' }),
    '2 UNKNOWN: text',
  ],
];

const DIFFERENT: readonly (readonly [make: () => unknown, id: DifferenceId])[] = [
  [() => new RpcException({ code: 'NOT_FOUND', message: 'no hero' }), 'named-code'],
  [() => new RpcException({ status: 5, message: 'no hero' }), 'status-for-code'],
  [() => new RpcException({ code: 77, message: 'odd' }), 'unknown-code'],
];

describe.each(TRANSPORTS)('an error over $name', (transport) => {
  describe.each([true, false])('thrown: %s', (thrown) => {
    it.each(SAME)('has the same status: %s', async (_, make, status) => {
      expect(await failureOf(transport, failing(make, thrown))).toBe(status);
    });

    it.each(DIFFERENT)('has the status that is recorded', async (make, id) => {
      const status = await failureOf(transport, failing(make, thrown));
      expect(status).toBe(recorded(id, transport));
    });

    it.each([
      ['a GrpcException', () => new GrpcNotFoundException('nf'), '5 NOT_FOUND: nf'],
      [
        'a GrpcException of any code',
        () => new GrpcException('gone', GrpcStatus.DATA_LOSS),
        '15 DATA_LOSS: gone',
      ],
      [
        'an RpcException with a status',
        () => new RpcException({ status: 5, message: 'nf' }),
        '5 NOT_FOUND: nf',
      ],
      ['anything else', () => new Error('secret'), HIDDEN],
    ])("has the status that Nest's GrpcExceptionFilter gives it: %s", async (_, make, status) => {
      const filtered = failing(make, thrown);
      UseFilters(GrpcExceptionFilter)(filtered);
      expect(await failureOf(transport, filtered)).toBe(status);
    });
  });

  it("passes through a user's filter", async () => {
    class Translating extends BaseRpcExceptionFilter {
      override catch(): Observable<never> {
        return throwError(() => ({ code: 9, message: 'translated' }));
      }
    }
    const status = await failureOf(
      transport,
      failing(() => new Error('secret'), true),
      {
        prepare: (app) => app.useGlobalFilters(new Translating()),
      },
    );
    expect(status).toBe('9 FAILED_PRECONDITION: translated');
  });

  it('ends as recorded when a filter throws', async () => {
    class Throwing implements RpcExceptionFilter {
      catch(): never {
        throw new Error('secret');
      }
    }
    Catch()(Throwing);
    const expected = recorded('filter-throws', transport);
    const ended =
      expected === PROCESS_ENDS
        ? await crashOf('one', 'filter')
        : await failureOf(
            transport,
            failing(() => new Error('secret'), true),
            {
              prepare: (app) => app.useGlobalFilters(new Throwing()),
            },
          );
    expect(ended).toBe(expected);
  });

  it('has the status that is recorded when a guard denies the call', async () => {
    const status = await failureOf(
      transport,
      failing(() => 'not reached', true),
      {
        prepare: (app) => app.useGlobalGuards({ canActivate: () => false }),
      },
    );
    expect(status).toBe(recorded('denied', transport));
  });

  it('is hidden when an interceptor times out', async () => {
    @Controller()
    class Slow {
      @GrpcMethod('Kinds')
      one(): Observable<Text> {
        return NEVER;
      }
    }
    const { client } = await start(transport, KINDS, [Slow], {
      prepare: (app) =>
        app.useGlobalInterceptors({
          intercept: (_context: ExecutionContext, next: CallHandler) =>
            next.handle().pipe(timeout(10)),
        }),
    });
    expect(await ending(client.getService<Kinds>('Kinds').one({}))).toBe(HIDDEN);
  });

  it('comes to the caller as an Error with code, details and message', async () => {
    const make = () => new RpcException({ code: 5, message: 'nf' });
    const { client } = await start(transport, KINDS, [failing(make, true)]);
    const error = await all(client.getService<Kinds>('Kinds').one({})).catch((e: unknown) => e);
    expect(error).toBeInstanceOf(Error);
    const { code, details, message } = error as { code: 5; details: string; message: string };
    expect([code, details, message]).toEqual([5, 'nf', '5 NOT_FOUND: nf']);
  });

  it('brings its metadata as recorded', async () => {
    const metadata = new Metadata();
    metadata.set('retry', 'never');
    const make = () => new RpcException({ code: 5, message: 'nf', metadata });
    const { client } = await start(transport, KINDS, [failing(make, true)]);
    const error = await all(client.getService<Kinds>('Kinds').one({})).catch((e: unknown) => e);
    const trailers = (error as { metadata?: Metadata }).metadata?.get('retry') ?? [];
    const expected = recorded('trailers', transport);
    expect(trailers.length > 0 ? 'arrive' : 'do not arrive').toBe(expected);
  });

  it('brings its details as recorded', async () => {
    const details = [
      { typeUrl: 'type.googleapis.com/kinds.Text', value: Buffer.from('0a0161', 'hex') },
    ];
    const make = () => new RpcException({ code: 5, message: 'nf', details });
    const { client } = await start(transport, KINDS, [failing(make, true)]);
    const error = await all(client.getService<Kinds>('Kinds').one({})).catch((e: unknown) => e);
    const { status } = error as { status?: { details: { typeUrl: string }[] } };
    const arrived = status?.details.map(({ typeUrl }) => typeUrl) ?? [];
    const expected = recorded('status-details', transport);
    expect(arrived.length > 0 ? 'arrive' : 'do not arrive').toBe(expected);
  });

  it('says that a method has no handler', async () => {
    const { raw } = await start(transport, KINDS, [failing(() => 'not reached', true)]);
    const status = await raw.open(KINDS_SERVICE, 'GetURLInfo', { request: {} }).ended;
    expect(status).toBe(recorded('unbound', transport));
  });
});
