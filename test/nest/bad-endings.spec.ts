import { Controller } from '@nestjs/common';
import { GrpcMethod, GrpcStreamCall, GrpcStreamMethod } from '@nestjs/microservices';
import { concat, EMPTY, Observable, of, throwError } from 'rxjs';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { TtrpcExceptionFilter, type TtrpcDuplexCall } from '../../lib/index.js';
import { failure, startInMemory, turn, type Room, type Text } from './app.js';

const HIDDEN = '2 UNKNOWN: Internal server error';
const EMPTY_RESPONSE = '13 INTERNAL: The handler completed without emitting a response';
const FAULTY = /^13 INTERNAL: response message can not be serialised: /;

const PROMISED = '13 INTERNAL: a promise is no message of a stream: await it, or use concatMap';

const unhandled = vi.fn();
beforeAll(() => {
  process.on('unhandledRejection', unhandled).on('uncaughtException', unhandled);
});
beforeEach(() => unhandled.mockClear());
afterAll(() => {
  process.off('unhandledRejection', unhandled).off('uncaughtException', unhandled);
});

/** Not a message, and its reading throws. */
const UNREADABLE = {
  get text(): string {
    throw new Error('unreadable');
  },
};
const boom = (): Error => new Error('secret');
const raise = (): never => {
  throw boom();
};

/** How handlers go wrong, and what callers of one response and of many are told. */
const ENDINGS: readonly (readonly [
  what: string,
  make: () => unknown,
  one: string | RegExp,
  many: string | RegExp,
])[] = [
  ['throws', raise, HIDDEN, HIDDEN],
  ['rejects', () => Promise.reject(boom()), HIDDEN, HIDDEN],
  ['returns an Observable that fails', () => throwError(boom), HIDDEN, HIDDEN],
  ['promises an Observable that fails', () => Promise.resolve(throwError(boom)), HIDDEN, HIDDEN],
  ['emits a promise that rejects', () => of(Promise.reject(boom())), HIDDEN, PROMISED],
  ['returns an empty Observable', () => EMPTY, EMPTY_RESPONSE, 'no failure'],
  ['returns an empty async iterable', () => iterable(), EMPTY_RESPONSE, 'no failure'],
  ['returns an async iterable that throws', () => iterable(raise), HIDDEN, HIDDEN],
  ['returns an unreadable message', () => UNREADABLE, FAULTY, FAULTY],
  ['promises an unreadable message', () => Promise.resolve(UNREADABLE), FAULTY, FAULTY],
  ['emits an unreadable message', () => of(UNREADABLE), FAULTY, FAULTY],
  ['yields an unreadable message', () => iterable(() => UNREADABLE), FAULTY, FAULTY],
  ['returns a symbol', () => Symbol('s'), FAULTY, FAULTY],
  [
    'fails behind an unreadable message',
    () => concat(of(UNREADABLE), throwError(boom)),
    /1|2/,
    FAULTY,
  ],
  ['has an Observable whose subscription throws', () => new Observable(raise), HIDDEN, HIDDEN],
  [
    'has an iterable that can not be iterated',
    () => ({ [Symbol.asyncIterator]: raise }),
    HIDDEN,
    HIDDEN,
  ],
];

async function* iterable(...makes: (() => unknown)[]): AsyncGenerator {
  for (const make of makes) {
    await turn();
    yield make();
  }
}

/** A room whose four handlers go wrong in one way, with the filter or without. */
async function wrong(make: () => unknown, filtered: boolean): Promise<Room> {
  @Controller()
  class Wrong {
    @GrpcMethod('RoomService')
    say(): unknown {
      return make();
    }

    @GrpcMethod('RoomService')
    tell(): unknown {
      return make();
    }

    @GrpcStreamMethod('RoomService')
    join(_requests: Observable<Text>): unknown {
      return make();
    }

    @GrpcStreamMethod('RoomService')
    chat(_requests: Observable<Text>): unknown {
      return make();
    }
  }
  const { room } = await startInMemory([Wrong], {
    prepare: (app) => filtered && app.useGlobalFilters(new TtrpcExceptionFilter()),
  });
  return room;
}

describe.each([false, true])('a handler that goes wrong, with the filter: %s', (filtered) => {
  it.each(ENDINGS)('has its call end with a status: it %s', async (_, make, one, many) => {
    const room = await wrong(make, filtered);
    for (const call of [room.say({}), room.join([{}, {}])]) {
      expect(await failure(call)).toMatch(one);
    }
    for (const call of [room.tell({}), room.chat([{}, {}])]) {
      expect(await failure(call)).toMatch(many);
    }
    await turn();
    expect(unhandled).not.toHaveBeenCalled();
  });

  it.each<[string, (call: TtrpcDuplexCall) => unknown, string | RegExp]>([
    ['throws', raise, HIDDEN],
    ['rejects', () => Promise.reject(boom()), HIDDEN],
    ['returns an Observable that fails', () => throwError(boom), HIDDEN],
    ['writes an unreadable message', (call) => call.write(UNREADABLE), FAULTY],
    ['is destroyed', (call) => call.destroy(boom()), HIDDEN],
    ['is destroyed without a reason', (call) => call.destroy(), /^1 CANCELLED/],
    ['emits an error', (call) => call.emit('error', boom()), HIDDEN],
  ])('has its call end with a status: pass-through, it %s', async (_, handle, expected) => {
    @Controller()
    class Wrong {
      @GrpcStreamCall('RoomService')
      chat(call: TtrpcDuplexCall): unknown {
        return handle(call);
      }
    }
    const { room } = await startInMemory([Wrong], {
      prepare: (app) => filtered && app.useGlobalFilters(new TtrpcExceptionFilter()),
    });
    expect(await failure(room.chat([{}]))).toMatch(expected);
    await turn();
    expect(unhandled).not.toHaveBeenCalled();
  });

  it('has its stream end with a status: it lists a promise that rejects', async () => {
    const room = await wrong(() => [Promise.reject(boom())], filtered);
    expect(await failure(room.tell({}))).toBe(PROMISED);
    expect(await failure(room.chat([{}]))).toBe(PROMISED);
    await turn();
    expect(unhandled).not.toHaveBeenCalled();
  });
});
