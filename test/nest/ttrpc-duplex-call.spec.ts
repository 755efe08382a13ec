import { once } from 'node:events';
import { pipeline } from 'node:stream/promises';
import { Controller, NotFoundException } from '@nestjs/common';
import { GrpcStreamCall } from '@nestjs/microservices';
import { NEVER, startWith, tap } from 'rxjs';
import { describe, expect, it } from 'vitest';
import type { TtrpcDuplexCall } from '../../lib/index.js';
import {
  all,
  connect,
  failure,
  muzzledDialer,
  signal,
  start,
  type Room,
  type Started,
  type Text,
} from './app.js';

type Callback = (error: unknown, response?: Text) => void;
type Handle = (call: TtrpcDuplexCall, callback: Callback) => unknown;

/** Serves `join` and `chat` with a handler that gets the call as a stream. */
function passing(handle: Handle): Promise<Started> {
  @Controller()
  class Passes {
    @GrpcStreamCall('RoomService')
    join(call: TtrpcDuplexCall, callback: Callback): unknown {
      return handle(call, callback);
    }

    @GrpcStreamCall('RoomService')
    chat(call: TtrpcDuplexCall, callback: Callback): unknown {
      return handle(call, callback);
    }
  }
  return start([Passes]);
}

const TEXTS = [{ text: 'a' }, { text: 'b' }];

describe('TtrpcDuplexCall', () => {
  it('gives the messages of a call and takes its answers', async () => {
    const { room } = await passing((call) => {
      call.on('data', ({ text }: Text) => call.write({ text: `${text}!` }));
      call.on('end', () => call.end());
    });
    expect(await all(room.chat(TEXTS))).toEqual([{ text: 'a!' }, { text: 'b!' }]);
  });

  it('may be answered behind a loop over its messages', async () => {
    const closed = signal();
    const { room } = await passing(async (call) => {
      call.on('close', () => closed.resolve());
      const texts: Text[] = [];
      for await (const text of call as AsyncIterable<Text>) texts.push(text);
      expect(call.destroyed).toBe(false);
      await pipeline(texts, call);
    });
    expect(await all(room.chat(TEXTS))).toEqual(TEXTS);
    await closed.promise;
  });

  it('is closed once it has been read and the callback was called', async () => {
    const closed = signal();
    const { room } = await passing(async (call, callback) => {
      call.on('close', () => closed.resolve());
      let number = 0;
      for await (const _ of call) number += 1;
      callback(null, { number });
    });
    expect(await all(room.join(TEXTS))).toEqual([{ number: 2 }]);
    await closed.promise;
  });

  it('ends CANCELLED when it is destroyed without an answer', async () => {
    const { room } = await passing((call) => call.destroy());
    expect(await failure(room.chat([]))).toBe('1 CANCELLED: handler destroyed its call');
  });

  it('answers a call with one response through the callback', async () => {
    const { room } = await passing((call, callback) => {
      let number = 0;
      call.on('data', () => (number += 1));
      call.on('end', () => callback(null, { number }));
    });
    expect(await all(room.join(TEXTS))).toEqual([{ number: 2 }]);
  });

  it('answers a call with one response before its end, and with nothing', async () => {
    const { room } = await passing((_call, callback) => callback(null));
    expect(await all(room.join(NEVER.pipe(startWith({}))))).toEqual([{}]);
  });

  it.each(['answers', 'fails'])(
    'is closed without an end when the handler %s before the requests end',
    async (ending) => {
      const events: string[] = [];
      const closed = signal();
      const { room } = await passing((call) => {
        for (const event of ['end', 'error', 'finish']) call.on(event, () => events.push(event));
        call.on('close', () => closed.resolve());
        call.once('data', (text: Text) => {
          if (ending === 'fails') call.emit('error', { code: 5, message: 'none' });
          else call.end(text);
        });
      });
      const answer = all(room.chat(NEVER.pipe(startWith({ text: 'a' })))).catch(String);
      const failed = ending === 'fails';
      expect(await answer).toEqual(failed ? 'StatusError: 5 NOT_FOUND: none' : [{ text: 'a' }]);
      await closed.promise;
      expect(events).toEqual(failed ? ['error'] : ['finish']);
    },
  );

  it('says what grpc-js calls say', async () => {
    let facts: unknown;
    const { room, url } = await passing((call) => {
      facts = {
        request: call.request,
        cancelled: call.cancelled,
        aborted: call.signal.aborted,
        pattern: call.getPattern(),
        operationId: call.operationId,
        path: call.getPath(),
        fullMethod: call.fullMethod,
        moment: call.deadline,
        peer: call.getPeer(),
        attached: call.peer,
        deadline: call.getDeadline(),
        sent: call.sendMetadata({}),
        user: call.metadata.get('user'),
      };
      call.end();
    });
    await all(room.chat([], { metadata: { user: 'ada' } }));
    expect(facts).toEqual({
      request: undefined,
      cancelled: false,
      aborted: false,
      pattern: 'acme.v1.RoomService/Chat',
      operationId: 'acme.v1.RoomService/Chat',
      path: '/acme.v1.RoomService/Chat',
      fullMethod: '/acme.v1.RoomService/Chat',
      moment: undefined,
      peer: url,
      attached: { address: url, attachment: undefined },
      deadline: Infinity,
      sent: undefined,
      user: ['ada'],
    });
  });

  const NOT_FOUND = { code: 5, message: 'gone' };
  it.each<[string, Handle]>([
    ['an error that is emitted', (call) => call.emit('error', NOT_FOUND)],
    [
      'destroy with an error',
      (call) => call.destroy(Object.assign(new Error('gone'), { code: 5 })),
    ],
    ['an error in the callback', (_call, callback) => callback(NOT_FOUND)],
    [
      'an exception of Nest that is emitted',
      (call) => call.emit('error', new NotFoundException('gone')),
    ],
    [
      'an exception of Nest in the callback',
      (_call, callback) => callback(new NotFoundException('gone')),
    ],
    ['an error later', (call) => setImmediate(() => call.emit('error', NOT_FOUND))],
  ])('ends with a status: %s', async (what, handle) => {
    const { room } = await passing(handle);
    expect(await failure(room.join([]))).toBe('5 NOT_FOUND: gone');
    if (!what.includes('callback')) {
      expect(await failure(room.chat([]))).toBe('5 NOT_FOUND: gone');
    }
  });

  it('ends with a status behind the messages that were written', async () => {
    const { room } = await passing((call) => {
      call.write({ text: 'a' });
      call.emit('error', NOT_FOUND);
    });
    const got: Text[] = [];
    const call = room.chat([]).pipe(tap((text) => got.push(text)));
    expect(await failure(call)).toBe('5 NOT_FOUND: gone');
    expect(got).toEqual([{ text: 'a' }]);
  });

  it('ends INTERNAL when a message can not be serialised', async () => {
    const { room } = await passing((call) => {
      call.write({
        get text(): string {
          throw new Error('unreadable');
        },
      });
    });
    expect(await failure(room.chat([]))).toMatch(/^13 INTERNAL: response message can not be/);
  });

  it('holds the handler up as long as the caller does not read', async () => {
    const data = Buffer.alloc(500_000);
    const { room } = await passing(async (call) => {
      for (let number = 1; number <= 40; number += 1) {
        if (!call.write({ number, data })) await once(call, 'drain');
      }
      call.end();
    });
    const got = await all(room.chat([]));
    expect(got.map(({ number }) => number)).toEqual(
      Array.from({ length: 40 }, (_, index) => index + 1),
    );
  });

  it('takes a stream of requests that is larger than its buffers', async () => {
    const { room } = await passing(async (call, callback) => {
      let number = 0;
      for await (const { data } of call as AsyncIterable<Text>) number += data?.length ?? 0;
      callback(null, { number });
    });
    const data = Buffer.alloc(1_000_000);
    expect(await all(room.join(Array.from({ length: 40 }, () => ({ data }))))).toEqual([
      { number: 40_000_000 },
    ]);
  });

  /** What a pass-through handler sees of the end of its call. */
  async function endings(): Promise<{
    url: string;
    begun: Promise<void>;
    seen: Promise<string[]>;
  }> {
    const begun = signal();
    const seen = signal<string[]>();
    const { url } = await passing((call) => {
      const events: string[] = [];
      call.on('data', () => begun.resolve());
      call.on('cancelled', () => events.push(`cancelled ${call.cancelled} ${call.destroyed}`));
      call.on('end', () => events.push('end'));
      call.on('close', () => {
        events.push((call.signal.reason as Error).message);
        seen.resolve(events);
      });
    });
    return { url, begun: begun.promise, seen: seen.promise };
  }

  it('is cancelled and destroyed when the connection is lost', async () => {
    const { url, begun, seen } = await endings();
    const client = connect(url);
    const room = client.getService<Room>('RoomService');
    const outcome = failure(room.chat(NEVER.pipe(startWith({}))));
    await begun;
    await client.close();
    expect(await outcome).toMatch(/closed/);
    expect(await seen).toEqual([
      'cancelled true true',
      expect.stringMatching(/^1 CANCELLED: caller is gone/),
    ]);
  });

  it('is cancelled and destroyed when the deadline has passed', async () => {
    const { url, begun, seen } = await endings();
    const { dial, muzzle } = muzzledDialer(url);
    const room = connect(url, { dial }).getService<Room>('RoomService');
    const outcome = failure(room.chat(NEVER.pipe(startWith({})), { timeoutMs: 200 }));
    await begun;
    muzzle();
    expect(await outcome).toMatch(/^4 DEADLINE/);
    expect(await seen).toEqual(['cancelled true true', '4 DEADLINE_EXCEEDED: deadline exceeded']);
  });

  it('rejects a loop over its messages when the caller goes away', async () => {
    const begun = signal();
    const ended = signal<unknown>();
    const { url } = await passing(async (call) => {
      try {
        for await (const _ of call) begun.resolve();
        ended.resolve('a clean end');
      } catch (error) {
        ended.resolve(error);
      }
    });
    const client = connect(url);
    const outcome = failure(client.getService<Room>('RoomService').chat(NEVER.pipe(startWith({}))));
    await begun.promise;
    await client.close();
    await outcome;
    expect(await ended.promise).toBeInstanceOf(Error);
  });
});
