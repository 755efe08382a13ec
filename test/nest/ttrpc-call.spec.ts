import { Controller, NotFoundException } from '@nestjs/common';
import { GrpcMethod, GrpcStreamMethod } from '@nestjs/microservices';
import { finalize, NEVER, startWith, take, type Observable } from 'rxjs';
import { describe, expect, it, vi } from 'vitest';
import type { TtrpcServerCall } from '../../lib/index.js';
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

/** Serves `say`, `tell` and `join` with a handler that looks at its call. */
function watching(handle: (call: TtrpcServerCall<Text>) => unknown): Promise<Started> {
  @Controller()
  class Watches {
    @GrpcMethod('RoomService')
    say(_request: Text, _metadata: unknown, call: TtrpcServerCall<Text>): unknown {
      return handle(call);
    }

    @GrpcMethod('RoomService')
    tell(_request: Text, _metadata: unknown, call: TtrpcServerCall<Text>): unknown {
      return handle(call);
    }

    @GrpcStreamMethod('RoomService')
    join(_requests: Observable<Text>, _metadata: unknown, call: TtrpcServerCall<Text>): unknown {
      return handle(call);
    }
  }
  return start([Watches]);
}

describe('TtrpcServerCall', () => {
  it('says what grpc-js calls say', async () => {
    let facts: unknown;
    const { room, url } = await watching((call) => {
      facts = {
        request: call.request,
        cancelled: call.cancelled,
        pattern: call.getPattern(),
        operationId: call.operationId,
        path: call.getPath(),
        fullMethod: call.fullMethod,
        peer: call.getPeer(),
        attached: call.peer,
        deadline: call.getDeadline(),
        moment: call.deadline,
        sent: call.sendMetadata({}),
        user: call.metadata.get('user'),
        aborted: call.signal.aborted,
      };
      return {};
    });
    await all(room.say({ text: 'a' }, { metadata: { user: 'ada' } }));
    expect(facts).toEqual({
      request: { text: 'a' },
      cancelled: false,
      pattern: 'acme.v1.RoomService/Say',
      operationId: 'acme.v1.RoomService/Say',
      path: '/acme.v1.RoomService/Say',
      fullMethod: '/acme.v1.RoomService/Say',
      peer: url,
      attached: { address: url, attachment: undefined },
      deadline: Infinity,
      moment: undefined,
      sent: undefined,
      user: ['ada'],
      aborted: false,
    });
  });

  it('knows the deadline', async () => {
    let deadline: unknown;
    const { room } = await watching((call) => {
      deadline = call.getDeadline();
      expect(call.deadline).toEqual(deadline);
      return {};
    });
    const before = Date.now();
    await all(room.say({}, { timeoutMs: 5000 }));
    expect(deadline).toBeInstanceOf(Date);
    expect((deadline as Date).getTime()).toBeGreaterThan(before + 4000);
    expect((deadline as Date).getTime()).toBeLessThan(before + 6000);
  });

  it('ends with the status of an error that is emitted', async () => {
    const { room } = await watching((call) => {
      call.emit('error', { code: 5, message: 'gone' });
      return NEVER;
    });
    expect(await failure(room.say({}))).toBe('5 NOT_FOUND: gone');
    expect(await failure(room.tell({}))).toBe('5 NOT_FOUND: gone');
  });

  it("ends with the status of an exception of Nest's that is emitted", async () => {
    const { room } = await watching((call) => {
      call.emit('error', new NotFoundException('gone'));
      return NEVER;
    });
    expect(await failure(room.say({}))).toBe('5 NOT_FOUND: gone');
  });

  it('passes other events on to its listeners, as long as they listen', async () => {
    const heard: string[] = [];
    const { room } = await watching((call) => {
      const listener = (text: string): void => void heard.push(text);
      heard.push(String(call.emit('note', 'nobody')));
      expect(call.off('note', listener)).toBe(call);
      expect(call.on('note', listener).once('note', listener)).toBe(call);
      call.emit('note', 'a');
      call.emit('note', 'b');
      call.off('note', listener);
      call.emit('note', 'c');
      return {};
    });
    await all(room.say({}));
    expect(heard).toEqual(['false', 'a', 'a', 'b']);
  });

  /** What a handler sees of the end of its call. */
  async function endings(): Promise<
    Started & { begun: Promise<void>; seen: string[]; over: Promise<void> }
  > {
    const begun = signal();
    const over = signal();
    const seen: string[] = [];
    const note = (what: string): void => {
      if (seen.push(what) === 3) over.resolve();
    };
    const started = await watching((call) => {
      call.on('cancelled', (...given: unknown[]) => note(`${given.join()} ${call.cancelled}`));
      call.signal.addEventListener('abort', () => note((call.signal.reason as Error).message));
      begun.resolve();
      return NEVER.pipe(
        startWith({}),
        finalize(() => note('unsubscribed')),
      );
    });
    return { ...started, begun: begun.promise, seen, over: over.promise };
  }

  it.each(['tell', 'join'] as const)(
    'tells the handler of %s that the connection is lost, and unsubscribes',
    async (name) => {
      const { url, begun, over, seen } = await endings();
      const client = connect(url);
      const room = client.getService<Room>('RoomService');
      const outcome = failure(name === 'tell' ? room.tell({}) : room.join(NEVER));
      await begun;
      await client.close();
      expect(await outcome).toMatch(/closed/);
      await over;
      expect(seen.toSorted()).toEqual([
        expect.stringMatching(/^1 CANCELLED: caller is gone/),
        'cancelled true',
        'unsubscribed',
      ]);
    },
  );

  it('tells the handler that the deadline has passed, and unsubscribes', async () => {
    const { url, begun, over, seen } = await endings();
    const { dial, muzzle } = muzzledDialer(url);
    const room = connect(url, { dial }).getService<Room>('RoomService');
    const outcome = failure(room.tell({}, { timeoutMs: 200 }));
    await begun;
    muzzle();
    await over;
    expect(await outcome).toMatch(/^4 DEADLINE/);
    expect(seen.toSorted()).toEqual([
      '4 DEADLINE_EXCEEDED: deadline exceeded',
      'cancelled true',
      'unsubscribed',
    ]);
  });

  it.each(['say', 'tell'] as const)(
    'aborts the signal of %s when the server closes',
    async (name) => {
      const begun = signal();
      const reason = signal<string>();
      const { room, server } = await watching((call) => {
        call.signal.addEventListener('abort', () =>
          reason.resolve((call.signal.reason as Error).message),
        );
        begun.resolve();
        return NEVER;
      });
      const outcome = failure(room[name]({}));
      await begun.promise;
      await server.close();
      expect(await reason.promise).toMatch(/^1 CANCELLED: caller is gone/);
      expect(await outcome).toMatch(/closed/);
    },
  );

  it('emits nothing when the call ends well', async () => {
    const cancelled = vi.fn();
    const { room } = await watching((call) => {
      call.on('cancelled', cancelled);
      return NEVER.pipe(startWith({}), take(1));
    });
    await all(room.say({}));
    expect(cancelled).not.toHaveBeenCalled();
  });

  it('logs what a listener or a teardown throws; the other calls of the connection go on', async () => {
    const begun = signal();
    const gone: string[] = [];
    const over = signal();
    let calls = 0;
    const { url, logger } = await watching((call) => {
      calls += 1;
      const mine = calls;
      if (mine === 1) {
        call.on('cancelled', () => {
          throw new Error('listener');
        });
      }
      if (mine === 3) begun.resolve();
      return NEVER.pipe(
        finalize(() => {
          gone.push(`call ${mine}`);
          if (gone.length === 3) over.resolve();
          if (mine === 2) throw new Error('teardown');
        }),
      );
    });
    const client = connect(url);
    const room = client.getService<Room>('RoomService');
    const outcomes = [room.tell({}), room.tell({}), room.tell({})].map((call) => failure(call));
    await begun.promise;
    await client.close();
    await Promise.all(outcomes);
    await over.promise;
    expect(gone).toEqual(['call 1', 'call 2', 'call 3']);
    expect(logger.errors.map(String).join('\n')).toMatch(/listener[^]*teardown/);
  });
});
