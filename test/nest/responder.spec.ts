import { Controller, UseInterceptors, type NestInterceptor } from '@nestjs/common';
import { GrpcMethod, GrpcStreamMethod, RpcException } from '@nestjs/microservices';
import {
  concat,
  count as counted,
  defer,
  EMPTY,
  endWith,
  lastValueFrom,
  map,
  NEVER,
  Observable,
  of,
  range,
  repeat,
  tap,
  throwError,
} from 'rxjs';
import { describe, expect, it } from 'vitest';
import type { TtrpcServerCall } from '../../lib/index.js';
import { all, failure, signal, startInMemory, turn, type Room, type Text } from './app.js';

const NO_RESPONSE = '13 INTERNAL: The handler completed without emitting a response';

/** Serves `say` and `tell` with what `make` gives. */
async function answering(
  make: (request: Text) => unknown,
  interceptors: NestInterceptor[] = [],
): Promise<Room> {
  @Controller()
  @UseInterceptors(...interceptors)
  class Answers {
    @GrpcMethod('RoomService')
    say(request: Text): unknown {
      return make(request);
    }

    @GrpcMethod('RoomService')
    tell(request: Text): unknown {
      return make(request);
    }
  }
  return (await startInMemory([Answers])).room;
}

/** Serves `join` and `chat` with what `make` gives. */
async function answeringStreams(make: (requests: Observable<Text>) => unknown): Promise<Room> {
  @Controller()
  class Answers {
    @GrpcStreamMethod('RoomService')
    join(requests: Observable<Text>): unknown {
      return make(requests);
    }

    @GrpcStreamMethod('RoomService')
    chat(requests: Observable<Text>): unknown {
      return make(requests);
    }
  }
  return (await startInMemory([Answers])).room;
}

async function* generate(...texts: string[]): AsyncGenerator<Text> {
  for (const text of texts) {
    await turn();
    yield { text };
  }
}

const A = { text: 'a' };
const B = { text: 'b' };
const UNREADABLE = {
  get text(): string {
    throw new Error('unreadable');
  },
};

describe('respondOnce', () => {
  it.each<[string, unknown, Text]>([
    ['a value', A, A],
    ['a promise', Promise.resolve(A), A],
    ['an Observable', of(A), A],
    ['a promise of an Observable', Promise.resolve(of(A)), A],
    ['an Observable of a promise', of(Promise.resolve(A)), A],
    ['nothing', undefined, {}],
    ['null', null, {}],
    ['an Observable of nothing', of(undefined), {}],
    ['the first of two emissions', of(A, B), A],
    ['the first of emissions without an end', concat(of(A), NEVER), A],
    ['the first of emissions that never pause', of(A).pipe(repeat()), A],
  ])('answers a unary call with %s', async (_, result, expected) => {
    const room = await answering(() => result);
    expect(await all(room.say({}))).toEqual([expected]);
  });

  /** Behind an interceptor, Nest wraps what the handler returned. */
  const wrapping: NestInterceptor = { intercept: (_context, next) => next.handle() };

  it.each([[[]], [[wrapping]]])(
    'answers with the first message of a generator, which is left then',
    async (interceptors) => {
      const left: string[] = [];
      const makes = [
        async function* () {
          try {
            yield A;
            yield B;
          } finally {
            left.push('async');
          }
        },
        function* () {
          try {
            yield A;
            yield B;
          } finally {
            left.push('sync');
          }
        },
      ];
      for (const make of makes) {
        const room = await answering(make, interceptors);
        expect(await all(room.say({}))).toEqual([A]);
      }
      await turn();
      expect(left).toEqual(['async', 'sync']);
    },
  );

  it('answers a call with a stream of requests with the last message of a generator', async () => {
    const room = await answeringStreams(async function* (requests) {
      const total = await lastValueFrom(requests.pipe(counted()));
      yield { number: 1 };
      yield { number: total };
    });
    expect(await all(room.join([A, B, A]))).toEqual([{ number: 3 }]);
  });

  it('answers INTERNAL when a generator ends without a message', async () => {
    const room = await answering(() => generate());
    expect(await failure(room.say({}))).toBe(NO_RESPONSE);
    const streams = await answeringStreams(() => generate());
    expect(await failure(streams.join([A]))).toBe(NO_RESPONSE);
  });

  it('leaves a generator whose caller is gone', async () => {
    const left = signal();
    const room = await answeringStreams(async function* () {
      try {
        for (;;) {
          await turn();
          yield A;
        }
      } finally {
        left.resolve();
      }
    });
    expect(await failure(room.join(NEVER, { timeoutMs: 50 }))).toMatch(/^4 DEADLINE_EXCEEDED/);
    await left.promise;
  });

  it('answers INTERNAL when an Observable ends without a message', async () => {
    const room = await answering(() => EMPTY);
    expect(await failure(room.say({}))).toBe(NO_RESPONSE);
    const streams = await answeringStreams(() => EMPTY);
    expect(await failure(streams.join([A]))).toBe(NO_RESPONSE);
  });

  it('answers the status of what an Observable fails with, also when a promise in it does', async () => {
    const five = Object.assign(new Error('gone'), { code: 5 });
    const failing = await answering(() => of(Promise.reject(five)));
    expect(await failure(failing.say({}))).toBe('5 NOT_FOUND: gone');
  });

  it('answers INTERNAL when the message is not one', async () => {
    const room = await answering(() => UNREADABLE);
    expect(await failure(room.say({}))).toMatch(/^13 INTERNAL: response message can not be/);
  });

  it('answers a call with a stream of requests with the last message, behind the end', async () => {
    const room = await answeringStreams((requests) =>
      requests.pipe(map(({ text }) => ({ text: `${text}!` }))),
    );
    expect(await all(room.join([A, B]))).toEqual([{ text: 'b!' }]);
  });

  it('answers a call with a stream of requests with the empty message for nothing', async () => {
    const room = await answeringStreams(() => undefined);
    expect(await all(room.join([A, B]))).toEqual([{}]);
    const emitting = await answeringStreams(() => of(undefined));
    expect(await all(emitting.join([A, B]))).toEqual([{}]);
  });

  it('answers before the caller has ended its requests', async () => {
    const room = await answeringStreams(() => of(A));
    expect(await all(room.join(concat(of(B), NEVER)))).toEqual([A]);
  });

  it('does not subscribe when the caller is gone by then', async () => {
    let handled = signal();
    let subscribed = 0;
    @Controller()
    class Late {
      @GrpcMethod('RoomService')
      async say(_request: Text, _metadata: unknown, call: TtrpcServerCall): Promise<unknown> {
        await new Promise((resolve) => call.signal.addEventListener('abort', resolve));
        handled.resolve();
        return defer(() => of((subscribed += 1)));
      }

      @GrpcMethod('RoomService')
      tell(request: Text, metadata: unknown, call: TtrpcServerCall): Promise<unknown> {
        return this.say(request, metadata, call);
      }
    }
    const { room } = await startInMemory([Late]);
    for (const call of [room.say, room.tell]) {
      handled = signal();
      expect(await failure(call({}, { timeoutMs: 50 }))).toMatch(/^4 DEADLINE_EXCEEDED/);
      await handled.promise;
      await turn();
    }
    expect(subscribed).toBe(0);
  });

  it('unsubscribes from an Observable that has given its message', async () => {
    const left = signal();
    const room = await answering(
      () =>
        new Observable((subscriber) => {
          subscriber.next(A);
          return () => left.resolve();
        }),
    );
    expect(await all(room.say({}))).toEqual([A]);
    await left.promise;
  });

  it('sends the first of two messages, and warns once that there are more', async () => {
    @Controller()
    class Talkative {
      @GrpcMethod('RoomService')
      say(): Observable<Text> {
        return of(A, B);
      }
    }
    const { room, logger } = await startInMemory([Talkative]);
    expect(await all(room.say({}))).toEqual([A]);
    expect(await all(room.say({}))).toEqual([A]);
    const warnings = logger.warnings.filter((text) => String(text).includes('second response'));
    expect(warnings).toEqual([
      'handler of acme.v1.RoomService/Say gave a second response; the first was sent',
    ]);
  });
});

describe('respondStream', () => {
  it.each<[string, () => unknown, Text[]]>([
    ['an Observable', () => of(A, B), [A, B]],
    ['a promise of an Observable', () => Promise.resolve(of(A, B)), [A, B]],
    ['an array', () => [A, B], [A, B]],
    ['a promise of an array', () => Promise.resolve([A, B]), [A, B]],
    ['an iterable', () => new Set([A, B]), [A, B]],
    ['an async generator', () => generate('a', 'b'), [A, B]],
    ['an array within an Observable, as behind an interceptor', () => of([A, B]), [A, B]],
    ['a generator within an Observable', () => of(generate('a', 'b')), [A, B]],
    ['a single value', () => A, [A]],
    ['nothing, which is the empty message', () => undefined, [{}]],
    ['no message', () => EMPTY, []],
    ['an empty array', () => [], []],
  ])('answers with %s', async (_, make, expected) => {
    const room = await answering(make);
    expect(await all(room.tell({}))).toEqual(expected);
    const streams = await answeringStreams(make);
    expect(await all(streams.chat([]))).toEqual(expected);
  });

  it('sends what came before an error', async () => {
    const failing = throwError(() => new RpcException({ code: 3, message: 'no more' }));
    const room = await answering(() => concat(of(A, B), failing));
    const got: Text[] = [];
    expect(await failure(room.tell({}).pipe(tap((text) => got.push(text))))).toBe(
      '3 INVALID_ARGUMENT: no more',
    );
    expect(got).toEqual([A, B]);
  });

  it('answers INTERNAL for a message that can not be serialised, behind those before it', async () => {
    const room = await answering(() => of(A, UNREADABLE, B));
    const got: Text[] = [];
    const text = await failure(room.tell({}).pipe(tap((one) => got.push(one))));
    expect(text).toMatch(/^13 INTERNAL: response message can not be serialised/);
    expect(got).toEqual([A]);
  });

  it('answers a bidirectional call while requests still come', async () => {
    const room = await answeringStreams((requests) => requests.pipe(endWith({ text: 'end' })));
    const got: string[] = [];
    const requests = new Observable<Text>((subscriber) => {
      subscriber.next({ text: '0' });
      answered = (count) => {
        if (count < 3) subscriber.next({ text: String(count) });
        else subscriber.complete();
      };
    });
    let answered: (count: number) => void = () => undefined;
    await all(room.chat(requests).pipe(tap(({ text = '' }) => answered(got.push(text)))));
    expect(got).toEqual(['0', '1', '2', 'end']);
  });

  it('leaves a generator when the deadline has passed', async () => {
    const left = signal();
    async function* endless(): AsyncGenerator<Text> {
      try {
        for (;;) yield* generate('a');
      } finally {
        left.resolve();
      }
    }
    const room = await answering(() => endless());
    expect(await failure(room.tell({}, { timeoutMs: 50 }))).toMatch(/^4 DEADLINE_EXCEEDED/);
    await left.promise;
  });

  it(
    'delivers a thousand messages of a megabyte, complete and in order',
    { timeout: 60_000 },
    async () => {
      const data = Buffer.alloc(1_000_000, 'x');
      const room = await answering(() =>
        range(0, 1000).pipe(map((number) => ({ number: number + 1, data }))),
      );
      const numbers: (number | undefined)[] = [];
      let bytes = 0;
      const call = room.tell({}).pipe(
        tap(({ number, data: got }) => {
          numbers.push(number);
          bytes += got?.length ?? 0;
        }),
        map(() => ({})),
      );
      await all(call);
      expect(numbers).toEqual(Array.from({ length: 1000 }, (_, index) => index + 1));
      expect(bytes).toBe(1_000_000_000);
    },
  );
});
