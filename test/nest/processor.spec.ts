import {
  Catch,
  Controller,
  ForbiddenException,
  Inject,
  Injectable,
  Scope,
  UseFilters,
  UseGuards,
  UseInterceptors,
  type CallHandler,
  type CanActivate,
  type ExceptionFilter,
  type ExecutionContext,
  type NestInterceptor,
  type PipeTransform,
} from '@nestjs/common';
import {
  CONTEXT,
  Ctx,
  GrpcExceptionFilter,
  GrpcMethod,
  GrpcNotFoundException,
  GrpcStreamCall,
  GrpcStreamMethod,
  Payload,
  RpcException,
  type RequestContext,
} from '@nestjs/microservices';
import { map, mergeMap, of, tap, throwError, timeout, NEVER, type Observable } from 'rxjs';
import { describe, expect, it, vi } from 'vitest';
import { Metadata, StatusError, TtrpcDuplexCall, TtrpcServerCall } from '../../lib/index.js';
import { all, failure, startInMemory, type Room, type Text } from './app.js';
import { HAS, NEEDS_NEWER_NEST } from './nest-features.js';

const HIDDEN = '2 UNKNOWN: Internal server error';

/** Throws `thrown` from every place in every kind of handler. */
async function throwing(make: () => unknown): Promise<Room> {
  const raise = (): never => {
    throw make();
  };
  @Controller()
  class Throws {
    @GrpcMethod('RoomService')
    say(): Text {
      return raise();
    }

    @GrpcMethod('RoomService')
    tell(): Observable<Text> {
      return throwError(make);
    }

    @GrpcStreamMethod('RoomService')
    join(requests: Observable<Text>): Observable<Text> {
      return requests.pipe(tap(raise));
    }

    @GrpcStreamCall('RoomService')
    async chat(): Promise<void> {
      await Promise.resolve();
      raise();
    }
  }
  return (await startInMemory([Throws])).room;
}

async function failures(room: Room): Promise<Set<string>> {
  const calls = [room.say({}), room.tell({}), room.join([{}]), room.chat([{}])];
  return new Set(await Promise.all(calls.map((call) => failure(call))));
}

describe('processorOf', () => {
  it('calls a handler with payload, metadata and call', async () => {
    const seen: unknown[][] = [];
    @Controller()
    class Arguments {
      @GrpcMethod('RoomService')
      say(...given: unknown[]): Text {
        seen.push(given);
        return {};
      }

      @GrpcStreamMethod('RoomService')
      join(...given: unknown[]): Text {
        seen.push(given);
        return {};
      }
    }
    const { room } = await startInMemory([Arguments]);
    await all(room.say({ text: 'a' }, new Map([['user', 'ada']])));
    await all(room.join([], { metadata: { user: 'ada' } }));
    expect(seen.map(({ length }) => length)).toEqual([3, 3]);
    for (const [, metadata, call] of seen) {
      expect(metadata).toBeInstanceOf(Metadata);
      expect((metadata as Metadata).get('user')).toEqual(['ada']);
      expect(call).toBeInstanceOf(TtrpcServerCall);
      expect((call as TtrpcServerCall).metadata).toBe(metadata);
    }
    expect(seen[0]?.[0]).toEqual({ text: 'a' });
  });

  it('calls a pass-through handler with the call, and a callback if there is one response', async () => {
    const seen: unknown[][] = [];
    @Controller()
    class Arguments {
      @GrpcStreamCall('RoomService')
      join(...given: unknown[]): void {
        seen.push(given);
        (given[1] as (error: null, response: Text) => void)(null, {});
      }

      @GrpcStreamCall('RoomService')
      chat(...given: unknown[]): void {
        seen.push(given);
        (given[0] as TtrpcDuplexCall).end();
      }
    }
    const { room } = await startInMemory([Arguments]);
    await all(room.join([]));
    await all(room.chat([]));
    expect(seen.map(([call]) => call instanceof TtrpcDuplexCall)).toEqual([true, true]);
    expect(seen.map(([, callback]) => typeof callback)).toEqual(['function', 'undefined']);
  });

  it('fills parameter decorators: @Payload with the request, @Ctx with the metadata', async () => {
    const upper: PipeTransform<string> = { transform: (text) => text.toUpperCase() };
    @Controller()
    class Decorated {
      @GrpcMethod('RoomService')
      say(@Ctx() metadata: Metadata, @Payload() request: Text): Text {
        return { text: `${request.text} ${metadata.get('user').join()}` };
      }

      @GrpcMethod('RoomService')
      tell(@Payload('text', upper) text: string): Text {
        return { text };
      }
    }
    const { room } = await startInMemory([Decorated]);
    expect(await all(room.say({ text: 'hi' }, { metadata: { user: 'ada' } }))).toEqual([
      { text: 'hi ada' },
    ]);
    expect(await all(room.tell({ text: 'hi' }))).toEqual([{ text: 'HI' }]);
  });

  it('runs guards, interceptors, pipes and filters in their order, global ones first', async () => {
    const order: string[] = [];
    const guard = (name: string): CanActivate => ({
      canActivate: (context) => {
        expect(context.getType()).toBe('rpc');
        expect(context.switchToRpc().getData<Text>()).toMatchObject({ text: 'a' });
        expect(context.switchToRpc().getContext()).toBeInstanceOf(Metadata);
        expect(context.getArgByIndex(2)).toBeInstanceOf(TtrpcServerCall);
        order.push(`guard ${name}`);
        return true;
      },
    });
    const interceptor = (name: string): NestInterceptor => ({
      intercept: (_context: ExecutionContext, next: CallHandler) => {
        order.push(`before ${name}`);
        return next.handle().pipe(tap(() => order.push(`after ${name}`)));
      },
    });
    const pipe: PipeTransform = {
      transform: (value: unknown, { type }) => {
        order.push(`pipe ${type}`);
        return value;
      },
    };
    @Catch()
    class Filter implements ExceptionFilter {
      catch(error: Error): Observable<never> {
        order.push(`filter ${error.message}`);
        return throwError(() => ({ code: 9, message: `filtered ${error.message}` }));
      }
    }
    @Controller()
    @UseGuards(guard('own'))
    @UseInterceptors(interceptor('own'))
    class Guarded {
      @GrpcMethod('RoomService')
      say({ number }: Text): Text {
        order.push('handler');
        if (number === 1) throw new Error('one');
        return {};
      }
    }
    const { room } = await startInMemory([Guarded], {
      prepare: (app) =>
        app
          .useGlobalGuards(guard('global'))
          .useGlobalInterceptors(interceptor('global'))
          .useGlobalPipes(pipe)
          .useGlobalFilters(new Filter()),
    });
    await all(room.say({ text: 'a' }));
    const before = ['guard global', 'guard own', 'before global', 'before own'];
    const pipes = ['pipe custom', 'pipe custom', 'pipe body'];
    const middle = [...before, ...pipes, 'handler'];
    expect(order).toEqual([...middle, 'after own', 'after global']);
    order.length = 0;
    expect(await failure(room.say({ text: 'a', number: 1 }))).toBe(
      '9 FAILED_PRECONDITION: filtered one',
    );
    expect(order).toEqual([...middle, 'filter one']);
  });

  it('makes a request-scoped controller for each call, which may inject the context', async () => {
    @Injectable({ scope: Scope.REQUEST })
    class Visit {
      readonly context: RequestContext<Text>;
      constructor(@Inject(CONTEXT) context: RequestContext<Text>) {
        this.context = context;
      }
    }
    const visits: Visit[] = [];
    @Controller({ scope: Scope.REQUEST })
    class Scoped {
      constructor(@Inject(Visit) visit: Visit) {
        visits.push(visit);
      }

      @GrpcMethod('RoomService')
      say({ text = '' }: Text, metadata: Metadata, call: TtrpcServerCall): Text {
        return { text: `${text} ${metadata.size} ${call.getPattern()}` };
      }

      @GrpcStreamMethod('RoomService')
      chat(requests: Observable<Text>): Observable<Text> {
        return requests;
      }
    }
    const { room } = await startInMemory([Scoped], { module: { providers: [Visit] } });
    expect(await all(room.say({ text: 'a' }))).toEqual([{ text: 'a 0 acme.v1.RoomService/Say' }]);
    expect(await all(room.chat([{ text: 'b' }]))).toEqual([{ text: 'b' }]);
    const served = visits.filter(({ context }) => context !== undefined);
    expect(new Set(served).size).toBe(2);
    expect(served[0]?.context.getPattern()).toEqual({
      service: 'RoomService',
      rpc: 'Say',
      streaming: 'no_stream',
    });
  });

  it('runs interceptors around a pass-through handler', async () => {
    const twice: NestInterceptor = {
      intercept: (_context: ExecutionContext, next: CallHandler) =>
        of(1).pipe(mergeMap(() => next.handle())),
    };
    @Controller()
    @UseInterceptors(twice)
    class Through {
      @GrpcStreamCall('RoomService')
      chat(call: TtrpcDuplexCall): void {
        call.on('data', (message) => call.write(message)).on('end', () => call.end());
      }
    }
    const { room } = await startInMemory([Through]);
    expect(await all(room.chat([{ text: 'a' }, { text: 'b' }]))).toEqual([
      { text: 'a' },
      { text: 'b' },
    ]);
  });
});

describe('what a handler throws', () => {
  it.each<[string, () => unknown, string]>([
    ['a plain Error', () => new Error('secret'), HIDDEN],
    ['an Error with a code', () => Object.assign(new Error('secret'), { code: 7 }), HIDDEN],
    ['an HttpException', () => new ForbiddenException(), HIDDEN],
    ['a GrpcException, without its filter', () => new GrpcNotFoundException('no'), HIDDEN],
    ['a string', () => 'secret', HIDDEN],
    ['undefined', () => undefined, HIDDEN],
    ['RpcException of a text', () => new RpcException('told'), '2 UNKNOWN: told'],
    [
      'RpcException of code and message',
      () => new RpcException({ code: 5, message: 'no such room' }),
      '5 NOT_FOUND: no such room',
    ],
    [
      'RpcException of code and details',
      () => new RpcException({ code: 5, message: 'hidden', details: 'no such room' }),
      '5 NOT_FOUND: no such room',
    ],
    [
      'RpcException of a code that is a text',
      () => new RpcException({ code: '5', message: 'no such room' }),
      '2 UNKNOWN: no such room',
    ],
    [
      'RpcException of a named code',
      () => new RpcException({ code: 'NOT_FOUND', message: 'no such room' }),
      '5 NOT_FOUND: no such room',
    ],
    [
      'RpcException that is frozen',
      () => new RpcException(Object.freeze({ code: 6, message: 'taken' })),
      '6 ALREADY_EXISTS: taken',
    ],
  ])('is answered with a status in every kind of call: %s', async (_, make, expected) => {
    expect(await failures(await throwing(make))).toEqual(new Set([expected]));
  });

  it('brings details along as messages of any type', async () => {
    const details = [{ typeUrl: 'type.googleapis.com/acme.v1.Text', value: Buffer.of(10, 1, 65) }];
    const room = await throwing(() => new RpcException({ code: 9, message: 'no', details }));
    const error = await all(room.say({})).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(StatusError);
    expect((error as StatusError).status.details).toMatchObject(details);
  });

  it.runIf(HAS.grpcExceptions)(
    `is answered as GrpcExceptionFilter says ${NEEDS_NEWER_NEST}`,
    async () => {
      @Controller()
      @UseFilters(new GrpcExceptionFilter())
      class Filtered {
        @GrpcMethod('RoomService')
        say(): Text {
          throw new GrpcNotFoundException('no such room');
        }

        @GrpcStreamCall('RoomService')
        chat(): void {
          throw new GrpcNotFoundException('no such room');
        }

        @GrpcMethod('RoomService')
        tell(): Observable<Text> {
          return throwError(() => new Error('secret'));
        }
      }
      const { room } = await startInMemory([Filtered]);
      expect(await failure(room.say({}))).toBe('5 NOT_FOUND: no such room');
      expect(await failure(room.chat([]))).toBe('5 NOT_FOUND: no such room');
      expect(await failure(room.tell({}))).toBe(HIDDEN);
    },
  );

  it('is answered also when the filter itself throws', async () => {
    @Catch()
    class Broken implements ExceptionFilter {
      catch(): never {
        throw new Error('broken filter');
      }
    }
    @Controller()
    @UseFilters(new Broken())
    class Filtered {
      @GrpcMethod('RoomService')
      say(): Text {
        throw new Error('secret');
      }

      @GrpcStreamCall('RoomService')
      chat(): void {
        throw new Error('secret');
      }
    }
    const { room, logger } = await startInMemory([Filtered]);
    expect(await failure(room.say({}))).toBe(HIDDEN);
    expect(await failure(room.chat([]))).toBe(HIDDEN);
    expect(logger.errors.map(String)).toEqual(['Error: broken filter', 'Error: broken filter']);
  });

  it('is logged once when nobody was to be told of it', async () => {
    @Controller()
    class Throws {
      @GrpcMethod('RoomService')
      say(): Text {
        throw new Error('secret');
      }
    }
    const { room, logger } = await startInMemory([Throws]);
    await failure(room.say({}));
    expect(logger.errors.map(String)).toEqual(['Error: secret']);
  });

  it.each<[string, CanActivate | NestInterceptor, string]>([
    [
      'a guard that says no',
      { canActivate: () => false },
      '7 PERMISSION_DENIED: Forbidden resource',
    ],
    [
      'a guard that throws',
      {
        canActivate: () => {
          throw new RpcException({ code: 16, message: 'who are you?' });
        },
      },
      '16 UNAUTHENTICATED: who are you?',
    ],
    ['a guard that rejects', { canActivate: () => Promise.reject(new Error('secret')) }, HIDDEN],
    [
      'an interceptor that throws',
      {
        intercept: () => {
          throw new RpcException({ code: 8, message: 'too much' });
        },
      },
      '8 RESOURCE_EXHAUSTED: too much',
    ],
    ['an interceptor whose time is up', { intercept: () => NEVER.pipe(timeout(1)) }, HIDDEN],
  ])('has a status in every kind of call: %s', async (_, enhancer, expected) => {
    const enhance = 'canActivate' in enhancer ? UseGuards(enhancer) : UseInterceptors(enhancer);
    @Controller()
    @enhance
    class Enhanced {
      @GrpcMethod('RoomService')
      say(): Text {
        return {};
      }

      @GrpcMethod('RoomService')
      tell(): Text[] {
        return [];
      }

      @GrpcStreamMethod('RoomService')
      join(requests: Observable<Text>): Observable<Text> {
        return requests;
      }

      @GrpcStreamCall('RoomService')
      chat(call: TtrpcDuplexCall): void {
        call.end();
      }
    }
    const { room } = await startInMemory([Enhanced]);
    expect(await failures(room)).toEqual(new Set([expected]));
  });

  it('costs the process nothing, and not the other calls of the connection', async () => {
    const unhandled = vi.fn();
    process.on('unhandledRejection', unhandled).on('uncaughtException', unhandled);
    try {
      const room = await throwing(() => new Error('secret'));
      for (let run = 0; run < 20; run += 1) await failures(room);
      await new Promise((resolve) => setTimeout(resolve, 10));
      expect(unhandled).not.toHaveBeenCalled();
    } finally {
      process.off('unhandledRejection', unhandled).off('uncaughtException', unhandled);
    }
  });

  it('may come from the Observable that a pipe operator of the handler made', async () => {
    @Controller()
    class Late {
      @GrpcStreamMethod('RoomService')
      chat(requests: Observable<Text>): Observable<Text> {
        return requests.pipe(
          map((message, index) => {
            if (index < 2) return message;
            throw new RpcException({ code: 11, message: 'two are enough' });
          }),
        );
      }
    }
    const { room } = await startInMemory([Late]);
    const got: Text[] = [];
    const call = room.chat([{ text: 'a' }, { text: 'b' }, { text: 'c' }]);
    expect(await failure(call.pipe(tap((text) => got.push(text))))).toBe(
      '11 OUT_OF_RANGE: two are enough',
    );
    expect(got).toEqual([{ text: 'a' }, { text: 'b' }]);
  });
});
