import { Controller } from '@nestjs/common';
import { GrpcStreamMethod } from '@nestjs/microservices';
import { map, NEVER, startWith, Subject, tap, type Observable } from 'rxjs';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  all,
  connect,
  failure,
  signal,
  start,
  startInMemory,
  turn,
  type Room,
  type Text,
} from './app.js';

const uncaught = vi.fn();

beforeEach(() => {
  uncaught.mockClear();
  process.on('unhandledRejection', uncaught);
  process.on('uncaughtException', uncaught);
});
afterEach(() => {
  process.off('unhandledRejection', uncaught);
  process.off('uncaughtException', uncaught);
});

/** What rxjs and Node throw at the process, they throw a turn later. */
async function expectCalm(): Promise<void> {
  for (let turns = 0; turns < 4; turns += 1) {
    await turn();
    await new Promise((resolve) => setTimeout(resolve, 0));
  }
  expect(uncaught).not.toHaveBeenCalled();
}

type Subscribe = (requests: Observable<Text>, responses: Subject<Text>) => unknown;

/** A handler that answers by a Subject, as those in Nest's documentation do. */
function answering(subscribe: Subscribe, ended = signal()): new () => object {
  @Controller()
  class Answering {
    @GrpcStreamMethod('RoomService')
    chat(requests: Observable<Text>): Observable<Text> {
      const responses = new Subject<Text>();
      responses.subscribe({ complete: () => ended.resolve() });
      subscribe(requests, responses);
      return responses.asObservable();
    }
  }
  return Answering;
}

const ENDLESS = NEVER.pipe(startWith({ number: 1 }));

describe('a subscriber of requests', () => {
  const WITHOUT_ERROR: [string, Subscribe][] = [
    [
      'an observer',
      (requests, responses) =>
        requests.subscribe({
          next: (text) => responses.next(text),
          complete: () => responses.complete(),
        }),
    ],
    ['a function', (requests, responses) => requests.subscribe((text) => responses.next(text))],
    [
      'a function behind a pipe',
      (requests, responses) =>
        requests.pipe(map((text) => text)).subscribe((text) => responses.next(text)),
    ],
    [
      'nothing behind a pipe',
      (requests, responses) => requests.pipe(tap((text) => responses.next(text))).subscribe(),
    ],
  ];

  it.each(WITHOUT_ERROR)(
    'costs the process nothing when its caller goes away and no function takes errors: %s',
    async (_, subscribe) => {
      const over = signal();
      const { url } = await start([
        answering((requests, responses) => {
          subscribe(requests, responses);
          requests.subscribe({ error: () => over.resolve() });
        }),
      ]);
      const client = connect(url);
      const begun = signal();
      const call = client.getService<Room>('RoomService').chat(ENDLESS);
      const outcome = failure(call.pipe(tap(() => begun.resolve())));
      await begun.promise;
      await client.close();
      await outcome;
      await over.promise;
      await expectCalm();
    },
  );

  const fault = (): never => {
    throw new RangeError('fault');
  };
  const THROWING: [string, Subscribe][] = [
    ['next', (requests) => requests.subscribe({ next: fault, error: () => undefined })],
    ['next, as a function', (requests) => requests.subscribe(fault)],
    ['an operator, and nothing takes errors', (requests) => requests.pipe(map(fault)).subscribe()],
    ['error', (requests) => requests.pipe(map(fault)).subscribe({ error: fault })],
    ['complete', (requests) => requests.subscribe({ complete: fault })],
    ['complete, as a function', (requests) => requests.subscribe(null, null, fault)],
    ['error, as a function', (requests) => requests.pipe(map(fault)).subscribe(null, fault)],
  ];

  it.each(THROWING)('ends its call with a status when it throws: %s', async (_, subscribe) => {
    const { room } = await startInMemory([answering(subscribe)]);
    expect(await failure(room.chat([{ number: 1 }]))).toBe('2 UNKNOWN: Internal server error');
    await expectCalm();
  });

  it('takes every form of subscribing', async () => {
    const heard: unknown[] = [];
    const { room } = await startInMemory([
      answering((requests, responses) => {
        const other = new Subject<Text>();
        other.subscribe({ next: (text) => heard.push(text), complete: () => heard.push('end') });
        requests.subscribe(other);
        void requests.forEach((text) => heard.push(text)).then(() => heard.push('end'));
        requests.subscribe(
          (text) => heard.push(text),
          undefined,
          () => heard.push('end'),
        );
        requests.subscribe(responses);
      }),
    ]);
    expect(await all(room.chat([{ number: 1 }]))).toEqual([{ number: 1 }]);
    expect(heard).toEqual([{ number: 1 }, { number: 1 }, { number: 1 }, 'end', 'end', 'end']);
  });
});
