import { AsyncLocalStorage } from 'node:async_hooks';
import {
  Controller,
  UseGuards,
  UseInterceptors,
  type CallHandler,
  type CanActivate,
  type ExecutionContext,
  type NestInterceptor,
} from '@nestjs/common';
import { GrpcMethod, GrpcStreamMethod } from '@nestjs/microservices';
import {
  count,
  defer,
  delay,
  firstValueFrom,
  forkJoin,
  map,
  NEVER,
  of,
  startWith,
  Subject,
  take,
  tap,
  toArray,
  type Observable,
} from 'rxjs';
import { describe, expect, it } from 'vitest';
import {
  all,
  connect,
  failure,
  muzzledDialer,
  type Room,
  signal,
  start,
  startInMemory,
  type Text,
  turn,
} from './app.js';

/** Lets a few turns of the event loop pass, so that messages arrive before the handler runs. */
class SlowGuard implements CanActivate {
  async canActivate(): Promise<boolean> {
    for (let turns = Math.floor(Math.random() * 4); turns > 0; turns -= 1) await turn();
    return true;
  }
}

class SlowInterceptor implements NestInterceptor {
  async intercept(_context: ExecutionContext, next: CallHandler): Promise<Observable<unknown>> {
    await turn();
    return next.handle();
  }
}

/** Subscribes to the requests before the handler is even reached. */
class ListeningInterceptor implements NestInterceptor {
  static heard: unknown[] = [];

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const requests: Observable<Text> = context.switchToRpc().getData();
    requests.subscribe(({ number }) => ListeningInterceptor.heard.push(number));
    return next.handle();
  }
}

const numbers = (length: number): Text[] =>
  Array.from({ length }, (_, index) => ({ number: index + 1 }));

describe('requestObservable', () => {
  it(
    'gives every message in order, whatever a hook, a guard and an interceptor wait for',
    { timeout: 60_000 },
    async () => {
      @Controller()
      @UseGuards(new SlowGuard())
      @UseInterceptors(new SlowInterceptor())
      class Echo {
        @GrpcStreamMethod('RoomService')
        chat(requests: Observable<Text>): Observable<Text> {
          return requests;
        }
      }
      const { room } = await startInMemory([Echo], {
        prepare: (_, server) =>
          server.setOnProcessingStartHook(
            (_id, _context, done) => new Promise((resolve) => setTimeout(() => resolve(done()), 0)),
          ),
      });
      for (let run = 0; run < 300; run += 1) {
        expect(await all(room.chat(numbers(40)))).toEqual(numbers(40));
      }
    },
  );

  it('waits for a subscriber that comes long after the handler has returned', async () => {
    @Controller()
    class Late {
      @GrpcStreamMethod('RoomService')
      join(requests: Observable<Text>): Observable<Text> {
        return of(0).pipe(
          delay(20),
          (ready) => defer(async () => firstValueFrom(ready)),
          map(() => requests.pipe(count())),
          (late) => defer(async () => firstValueFrom(await firstValueFrom(late))),
          map((number) => ({ number })),
        );
      }
    }
    const { room } = await startInMemory([Late]);
    expect(await all(room.join(numbers(40)))).toEqual([{ number: 40 }]);
  });

  it('serves a handler whose decorator never asks for its messages, as older ts-proto makes them', async () => {
    class Undrained {
      join(requests: Observable<Text>): Observable<Text> {
        return requests.pipe(
          count(),
          map((number) => ({ number })),
        );
      }
    }
    const descriptor = Object.getOwnPropertyDescriptor(Undrained.prototype, 'join');
    const original = descriptor?.value as () => unknown;
    GrpcStreamMethod('RoomService', 'join')(Undrained.prototype, 'join', { value: original });
    Controller()(Undrained);
    const { room } = await startInMemory([Undrained]);
    expect(Undrained.prototype.join).toBe(original);
    expect(await all(room.join(numbers(3)))).toEqual([{ number: 3 }]);
  });

  it('gives all messages to an interceptor that subscribes and to the handler behind it', async () => {
    @Controller()
    @UseInterceptors(new ListeningInterceptor())
    class Both {
      @GrpcStreamMethod('RoomService')
      chat(requests: Observable<Text>): Observable<Text> {
        return requests;
      }
    }
    const { room } = await startInMemory([Both]);
    expect(await all(room.chat(numbers(40)))).toEqual(numbers(40));
    expect(ListeningInterceptor.heard).toEqual(numbers(40).map(({ number }) => number));
  });

  it('gives all messages to all who subscribe at once', async () => {
    @Controller()
    class Twice {
      @GrpcStreamMethod('RoomService')
      join(requests: Observable<Text>): Observable<Text> {
        return forkJoin([requests.pipe(count()), requests.pipe(toArray())]).pipe(
          map(([number, { length }]) => ({ number, text: String(length) })),
        );
      }
    }
    const { room } = await startInMemory([Twice]);
    expect(await all(room.join(numbers(5)))).toEqual([{ number: 5, text: '5' }]);
  });

  it('gives all messages to who stays, when another leaves while one is handed on', async () => {
    @Controller()
    class Leaving {
      @GrpcStreamMethod('RoomService')
      join(requests: Observable<Text>): Observable<Text> {
        return forkJoin([requests.pipe(take(1)), requests.pipe(count())]).pipe(
          map(([{ number = 0 }, length]) => ({ number, text: String(length) })),
        );
      }
    }
    const { room } = await startInMemory([Leaving]);
    expect(await all(room.join(numbers(5)))).toEqual([{ number: 1, text: '5' }]);
  });

  it('tells whoever subscribes when messages are gone already', async () => {
    @Controller()
    class Again {
      @GrpcStreamMethod('RoomService')
      async join(requests: Observable<Text>): Promise<Text> {
        const { number = 0 } = await firstValueFrom(requests);
        const again = await failure(requests);
        return { number, text: again };
      }
    }
    const { room } = await startInMemory([Again]);
    const [answer] = await all(room.join(numbers(2)));
    expect(answer?.number).toBe(1);
    expect(answer?.text).toMatch(/^requests have been taken already: subscribe to them at once/);
  });

  it('ends at once for whoever subscribes behind the end of an empty stream', async () => {
    @Controller()
    class Empty {
      @GrpcStreamMethod('RoomService')
      async join(requests: Observable<Text>): Promise<Text> {
        const none = await all(requests);
        return { text: `${none.length} and ${(await all(requests)).length}` };
      }
    }
    const { room } = await startInMemory([Empty]);
    expect(await all(room.join([]))).toEqual([{ text: '0 and 0' }]);
  });

  it('drops what nobody takes, and lets the handler go on', async () => {
    @Controller()
    class First {
      @GrpcStreamMethod('RoomService')
      chat(requests: Observable<Text>): Observable<Text> {
        return requests.pipe(take(1));
      }

      @GrpcMethod('RoomService')
      say(): Text {
        return { text: 'alive' };
      }
    }
    const { room } = await startInMemory([First], { options: { maxStreamBufferBytes: 1024 } });
    expect(await all(room.chat(numbers(500)))).toEqual([{ number: 1 }]);
    expect(await all(room.say({}))).toEqual([{ text: 'alive' }]);
  });

  /** Serves an upload and says how its requests end, for a first and for a later subscriber. */
  async function watchedUpload(): Promise<{
    url: string;
    begun: Promise<void>;
    ends: Promise<string[]>;
  }> {
    const begun = signal();
    const ends = signal<string[]>();
    @Controller()
    class Uploads {
      @GrpcStreamMethod('RoomService')
      async join(requests: Observable<Text>): Promise<Text> {
        const first = await failure(requests.pipe(tap(() => begun.resolve())));
        ends.resolve([first, await failure(requests)]);
        return {};
      }
    }
    const { url } = await start([Uploads]);
    return { url, begun: begun.promise, ends: ends.promise };
  }

  const ENDLESS = NEVER.pipe(startWith({ number: 1 }));

  it('errors, and does not end, when the connection is lost', async () => {
    const { url, begun, ends } = await watchedUpload();
    const client = connect(url);
    const outcome = failure(client.getService<Room>('RoomService').join(ENDLESS));
    await begun;
    await client.close();
    expect(await outcome).toMatch(/closed/);
    const [first, later] = await ends;
    expect(first).toMatch(/^1 CANCELLED: caller is gone/);
    expect(later).toBe(first);
  });

  it('errors, and does not end, when the deadline has passed', async () => {
    const { url, begun, ends } = await watchedUpload();
    const { dial, muzzle } = muzzledDialer(url);
    const room = connect(url, { dial }).getService<Room>('RoomService');
    const outcome = failure(room.join(ENDLESS, { timeoutMs: 200 }));
    await begun;
    muzzle();
    const late = '4 DEADLINE_EXCEEDED: deadline exceeded';
    expect(await outcome).toBe(late);
    expect(await ends).toEqual([late, late]);
  });

  it('keeps the async context of the call for messages that arrive later', async () => {
    const storage = new AsyncLocalStorage<string>();
    @Controller()
    class Contexts {
      @GrpcStreamMethod('RoomService')
      chat(requests: Observable<Text>): Observable<Text> {
        return requests.pipe(map(() => ({ text: storage.getStore() ?? 'lost' })));
      }
    }
    const { room } = await startInMemory([Contexts], {
      prepare: (_, server) =>
        server.setOnProcessingStartHook((_id, _context, done) => storage.run('kept', done)),
    });
    const requests = new Subject<Text>();
    let answers = 0;
    const call = room.chat(requests.pipe(startWith({}))).pipe(
      tap(() => {
        answers += 1;
        if (answers < 3) requests.next({});
        else requests.complete();
      }),
    );
    expect(await all(call)).toEqual([{ text: 'kept' }, { text: 'kept' }, { text: 'kept' }]);
  });
});
