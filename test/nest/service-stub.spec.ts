import { Metadata as GrpcMetadata } from '@grpc/grpc-js';
import { Controller } from '@nestjs/common';
import { GrpcMethod, GrpcStreamMethod, RpcException } from '@nestjs/microservices';
import {
  concat,
  finalize,
  NEVER,
  of,
  range,
  startWith,
  Subject,
  take,
  tap,
  throwError,
  map,
  type Observable,
} from 'rxjs';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import {
  ClientTtrpc,
  Metadata,
  StatusError,
  type CallOptions,
  type ClientInterceptor,
  type TtrpcServerCall,
} from '../../lib/index.js';
import type { TtrpcClient, UnaryStart } from '../../lib/engine/index.js';
import { createStub } from '../../lib/nest/service-stub.js';
import type { MethodDefinition } from '../../lib/rpc/method-definition.js';
import {
  all,
  closeLater,
  connect,
  failure,
  ROOM,
  signal,
  start,
  type Room,
  type Started,
  type Text,
} from './app.js';

let calls: string[] = [];
let ended: Promise<string>;
let end: (how: string) => void;

/** Answers with what it is told; a request of `hang` has no end. */
@Controller()
class Echo {
  @GrpcMethod('RoomService')
  say(request: Text, metadata: Metadata, call: TtrpcServerCall): Observable<Text> {
    calls.push(`say ${request.text ?? ''}`);
    if (request.text === 'hang') return this.hang(call);
    const { deadline } = { deadline: call.getDeadline() };
    return of({
      text: metadata.get('user').join(),
      ...(deadline === Infinity ? {} : { number: 1 }),
    });
  }

  @GrpcMethod('RoomService')
  tell(request: Text, metadata: Metadata, call: TtrpcServerCall): Observable<Text> {
    calls.push(`tell ${request.text ?? ''}`);
    if (request.text === 'hang') return this.hang(call).pipe(startWith({ text: 'first' }));
    return of({ text: metadata.get('user').join() }, { text: 'second' });
  }

  @GrpcStreamMethod('RoomService')
  join(requests: Observable<Text>, metadata: Metadata): Observable<Text> {
    calls.push('join');
    return requests.pipe(
      map(({ number = 0 }) => ({ number, text: metadata.get('user').join() })),
      tap({ complete: () => end('complete'), error: (error: Error) => end(error.message) }),
    );
  }

  @GrpcStreamMethod('RoomService')
  chat(requests: Observable<Text>, metadata: Metadata): Observable<Text> {
    calls.push('chat');
    return requests.pipe(
      map((request) => {
        if (request.text === 'fail') throw new RpcException({ code: 5, message: 'no' });
        return { ...request, text: metadata.get('user').join() };
      }),
      tap({ complete: () => end('complete') }),
    );
  }

  hang(call: TtrpcServerCall): Observable<Text> {
    return NEVER.pipe(finalize(() => end(`left ${call.cancelled}`)));
  }
}

/** Interceptors that change nothing, so that calls go the other way through the stub. */
const PASSING: ClientInterceptor = {
  unary: (request, call, next) => next(request, call),
  stream: (requests, call, next) => next(requests, call),
};

let started: Started;

beforeEach(async () => {
  calls = [];
  ended = new Promise((resolve) => (end = resolve));
  started = await start([Echo]);
});

describe.each<[string, readonly ClientInterceptor[]]>([
  ['directly', []],
  ['through interceptors', [PASSING]],
])('createStub, %s', (_, interceptors) => {
  function roomOf(options: Record<string, unknown> = {}): Room {
    return connect(started.url, { interceptors, ...options }).getService<Room>('RoomService');
  }

  /** The four kinds, each as a call with these further arguments. */
  function kinds(room: Room): Record<keyof Room, (...more: never[]) => Observable<Text>> {
    return {
      say: (...more) => room.say({}, ...more),
      tell: (...more) => room.tell({}, ...more).pipe(take(1)),
      join: (...more) => room.join(of({ number: 1 }), ...more),
      chat: (...more) => room.chat(of({ number: 1 }), ...more),
    };
  }

  it('makes a call for each subscription, and none without', async () => {
    const room = roomOf();
    const call = room.say({ text: 'a' });
    const upload = room.join([{ number: 1 }]);
    expect(calls).toEqual([]);
    await all(call);
    await all(call);
    await all(upload);
    await all(upload);
    expect(calls).toEqual(['say a', 'say a', 'join', 'join']);
  });

  it.each(['say', 'tell', 'join', 'chat'] as const)(
    'passes metadata of %s on, in every form and place',
    async (name) => {
      const call = kinds(roomOf())[name];
      const own = new Metadata();
      own.set('user', 'ada');
      const grpc = new GrpcMetadata();
      grpc.set('user', 'ada');
      const arguments_: unknown[][] = [
        [own],
        [grpc],
        [new Map([['user', 'ada']])],
        [{ metadata: own }],
        [{ metadata: { user: 'ada' }, timeoutMs: 5000 }],
        [own, { timeoutMs: 5000 }],
        [undefined, { metadata: grpc }],
        [null, { metadata: new Map([['user', 'ada']]) }],
      ];
      for (const more of arguments_) {
        const [answer] = await all(call(...(more as never[])));
        expect(answer?.text).toBe('ada');
      }
      const [both] = await all(call(...([own, { metadata: { user: 'eve' } }] as never[])));
      expect(both?.text).toBe('ada,eve');
      expect(own.get('user')).toEqual(['ada']);
    },
  );

  it('tells the server the deadline', async () => {
    const room = roomOf();
    expect((await all(room.say({})))[0]?.number).toBeUndefined();
    expect((await all(room.say({}, { timeoutMs: 5000 })))[0]?.number).toBe(1);
    expect((await all(room.say({}, { deadline: Date.now() + 5000 })))[0]?.number).toBe(1);
    const patient = roomOf({ timeoutMs: 5000 });
    expect((await all(patient.say({})))[0]?.number).toBe(1);
  });

  it.each<[string, () => CallOptions, RegExp]>([
    ['timeout', () => ({ timeoutMs: 30 }), /^4 DEADLINE_EXCEEDED: deadline exceeded$/],
    ['deadline', () => ({ deadline: new Date(Date.now() + 30) }), /^4 DEADLINE_EXCEEDED/],
    ['abort signal', () => ({ signal: AbortSignal.abort('enough') }), /^1 CANCELLED/],
    ['late abort signal', () => ({ signal: AbortSignal.timeout(30) }), /^1 CANCELLED/],
  ])('ends calls of all kinds at their %s', async (__, options, expected) => {
    const room = roomOf();
    const outcomes = [
      failure(room.say({ text: 'hang' }, options())),
      failure(room.tell({ text: 'hang' }, options())),
      failure(room.join(NEVER, options())),
      failure(room.chat(NEVER, options())),
    ];
    for (const outcome of outcomes) expect(await outcome).toMatch(expected);
  });

  it('unsubscribes from the requests when the call is left, ends and fails', async () => {
    const room = roomOf();
    const lefts: string[] = [];
    const watched = (name: string): Observable<Text> =>
      NEVER.pipe(
        startWith({ number: 1 }),
        finalize(() => lefts.push(name)),
      );
    await all(room.chat(watched('left')).pipe(take(1)));
    expect(await failure(room.chat(watched('deadline'), { timeoutMs: 30 }))).toMatch(/^4 /);
    const failing = watched('failed').pipe(startWith({ text: 'fail' }));
    expect(await failure(room.chat(failing))).toBe('5 NOT_FOUND: no');
    await vi.waitFor(() => expect(lefts).toEqual(['left', 'deadline', 'failed']));
  });

  it('leaves an iterable of requests when the call is left', async () => {
    const left = signal();
    async function* endless(): AsyncGenerator<Text> {
      try {
        for (let number = 1; ; number += 1) {
          yield { number };
          await new Promise((resolve) => setImmediate(resolve));
        }
      } finally {
        left.resolve();
      }
    }
    await all(roomOf().chat(endless()).pipe(take(3)));
    await left.promise;
  });

  it('cancels the call and errors when the requests do', async () => {
    const unhandled = vi.fn();
    process.on('uncaughtException', unhandled).on('unhandledRejection', unhandled);
    const broken = new Error('broken upstream');
    const room = roomOf();
    for (const call of [room.join, room.chat]) {
      const upstream = concat(
        of({ number: 1 }),
        throwError(() => broken),
      );
      const error = await all(call(upstream)).catch((caught: unknown) => caught);
      expect(error).toBe(broken);
      const generator = (function* () {
        yield { number: 1 };
        throw broken;
      })();
      expect(await failure(call(generator))).toContain('broken upstream');
    }
    await new Promise((resolve) => setImmediate(resolve));
    process.off('uncaughtException', unhandled).off('unhandledRejection', unhandled);
    expect(unhandled).not.toHaveBeenCalled();
  });

  it('takes iterables for streams of requests, and says what else it got', async () => {
    const room = roomOf();
    expect((await all(room.join([{ number: 1 }, { number: 2 }])))[0]?.number).toBe(2);
    expect(await all(room.chat(new Set([{ number: 3 }])))).toMatchObject([{ number: 3 }]);
    const wrong: [given: unknown, got: string][] = [
      [{ number: 1 }, 'object'],
      [null, 'null'],
      [undefined, 'undefined'],
    ];
    for (const [given, got] of wrong) {
      expect(await failure(room.join(given as never))).toBe(
        `acme.v1.RoomService/Join takes a stream: an Observable or (async) iterable, got ${got}`,
      );
    }
  });

  it('uploads a hundred thousand messages of an iterable', { timeout: 30_000 }, async () => {
    function* numbers(): Generator<Text> {
      for (let number = 1; number <= 100_000; number += 1) yield { number };
    }
    const [answer] = await all(roomOf().join(numbers()));
    expect(answer?.number).toBe(100_000);
  });

  it('uploads megabytes of an Observable, in order', async () => {
    const data = Buffer.alloc(100_000);
    const upstream = range(1, 100).pipe(map((number): Text => ({ number, data })));
    const answers = await all(roomOf().chat(upstream));
    const numbers = Array.from({ length: 100 }, (__, index) => index + 1);
    expect(answers.map(({ number }) => number)).toEqual(numbers);
  });

  it('gives errors through serializeError, also when that throws', async () => {
    class Translating extends ClientTtrpc {
      protected override serializeError(error: unknown): unknown {
        expect(error).toBeInstanceOf(StatusError);
        const { code } = error as StatusError;
        if (code === 4) throw new Error('untranslatable');
        return new RpcException(`translated ${code}`);
      }
    }
    const client = closeLater(new Translating({ ...ROOM, url: started.url, interceptors }));
    const room = client.getService<Room>('RoomService');
    expect(await failure(room.chat(of({ text: 'fail' })))).toBe('translated 5');
    expect(await failure(room.say({ text: 'hang' }, { timeoutMs: 20 }))).toBe('untranslatable');
  });

  it('fails when the call can not be made', async () => {
    const room = roomOf();
    expect(await failure(room.say({}, { timeoutMs: -1 }))).toBe(
      'timeoutMs must be a number above 0, got -1',
    );
    const gone = connect(`${started.url}.gone`, { interceptors }).getService<Room>('RoomService');
    for (const call of Object.values(kinds(gone))) {
      expect(await failure(call())).toMatch(/^cannot connect to unix:.*ENOENT/);
    }
  });
});

describe('createStub', () => {
  it('tells the server when a stream is left: its half is closed', async () => {
    const requests = new Subject<Text>();
    const { room } = started;
    const first = signal();
    const subscription = room.chat(requests).subscribe(() => first.resolve());
    requests.next({ number: 1 });
    await first.promise;
    subscription.unsubscribe();
    expect(requests.observed).toBe(false);
    expect(await ended).toBe('complete');
  });

  it('gives nothing more once a call was left', async () => {
    const seen = vi.fn();
    const { room } = started;
    room.say({ text: 'a' }).subscribe(seen).unsubscribe();
    await all(room.say({ text: 'b' }));
    expect(seen).not.toHaveBeenCalled();
  });

  it('tells the handlers of calls without an end that their connection is lost', async () => {
    const { room, client } = started;
    const outcome = failure(room.say({ text: 'hang' }));
    await vi.waitFor(() => expect(calls).toEqual(['say hang']));
    await client.close();
    await outcome;
    expect(await ended).toBe('left true');
  });

  it('wraps calls of all kinds in interceptors, which see method and options', async () => {
    const seen: string[] = [];
    const counting = {
      unary: async (request: unknown, call: never, next: (...given: unknown[]) => unknown) => {
        const { method, options } = call as { method: { name: string }; options: CallOptions };
        seen.push(method.name);
        return next(request, { method, options: { ...options, metadata: { user: 'eve' } } });
      },
      stream: (requests: unknown, call: never, next: (...given: unknown[]) => unknown) => {
        const { method, options } = call as { method: { name: string }; options: CallOptions };
        seen.push(method.name);
        return next(requests, { method, options: { ...options, metadata: { user: 'eve' } } });
      },
    } as unknown as ClientInterceptor;
    const client = connect(started.url, { interceptors: [counting] });
    const room = client.getService<Room>('RoomService');
    for (const call of [
      room.say({}),
      room.tell({}).pipe(take(1)),
      room.join([{ number: 1 }]),
      room.chat([{ number: 1 }]),
    ]) {
      expect((await all(call))[0]?.text).toBe('eve');
    }
    expect(seen).toEqual(['Say', 'Tell', 'Join', 'Chat']);
  });

  it('does not cancel a call that has ended', async () => {
    const cancel = vi.fn();
    const method = { service: 'A', name: 'Say', kind: 'unary' } as MethodDefinition;
    const engine = {
      startUnary: (_method: unknown, request: unknown, how: UnaryStart<unknown>) => {
        how.resolve(request);
        return { pending: false, cancel };
      },
    } as unknown as TtrpcClient;
    const client = {
      engine: () => engine,
      intercepted: false,
      serializeError: String,
      dispatchHook: () => undefined,
    };
    const stub = createStub(client, { name: 'A', methods: [method] });
    expect(await all(stub['Say']!({ text: 'a' }) as Observable<Text>)).toEqual([{ text: 'a' }]);
    expect(cancel).not.toHaveBeenCalled();
  });
});
