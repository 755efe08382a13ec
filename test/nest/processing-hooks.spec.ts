import { AsyncLocalStorage } from 'node:async_hooks';
import { Controller } from '@nestjs/common';
import { GrpcMethod, GrpcStreamCall, GrpcStreamMethod, RpcException } from '@nestjs/microservices';
import { NEVER, of, startWith, throwError, type Observable } from 'rxjs';
import { describe, expect, it } from 'vitest';
import type { ServerTtrpc, TtrpcDuplexCall } from '../../lib/index.js';
import { TTRPC_TRANSPORT } from '../../lib/index.js';
import {
  all,
  connect,
  failure,
  type Room,
  signal,
  start,
  startInMemory,
  type Text,
  turn,
} from './app.js';

/** What instrumentation reads of a context. */
interface HookContext {
  readonly operationId: string;
  readonly metadata: unknown;
  getPattern(): string;
}

@Controller()
class Kinds {
  static told = 0;

  @GrpcMethod('RoomService')
  say({ text }: Text): Observable<Text> {
    if (text === 'fail') return throwError(() => new RpcException({ code: 5, message: 'no' }));
    return text === 'hang' ? NEVER : of({});
  }

  @GrpcMethod('RoomService')
  tell({ text }: Text): Observable<Text> {
    Kinds.told += 1;
    return text === 'hang' ? NEVER.pipe(startWith({})) : of({}, {});
  }

  @GrpcStreamMethod('RoomService')
  join(requests: Observable<Text>): Observable<Text> {
    return requests;
  }

  @GrpcStreamCall('RoomService')
  chat(call: TtrpcDuplexCall): void {
    call.on('data', (message) => call.write(message)).on('end', () => call.end());
  }
}

/** Hooks as instrumentation installs them: the start defers, the end reads the async context. */
function instrument(server: ServerTtrpc): {
  started: string[];
  ended: unknown[];
  contexts: unknown[];
} {
  const storage = new AsyncLocalStorage<string>();
  const log = { started: [] as string[], ended: [] as unknown[], contexts: [] as unknown[] };
  server.setOnProcessingStartHook((transportId, context, done) => {
    expect(transportId).toBe(TTRPC_TRANSPORT);
    const { operationId } = context as HookContext;
    log.started.push(operationId);
    log.contexts.push(context);
    return storage.run(
      `span ${log.started.length}`,
      () => new Promise((resolve) => setTimeout(() => resolve(done()), 0)),
    );
  });
  server.setOnProcessingEndHook((transportId, context) => {
    expect(transportId).toBe(TTRPC_TRANSPORT);
    log.contexts.push(context);
    log.ended.push(storage.getStore());
  });
  return log;
}

describe('runWithHooks', () => {
  it('starts and ends a span for each call of every kind, once, in its own async context', async () => {
    let log: ReturnType<typeof instrument> | undefined;
    const { room } = await startInMemory([Kinds], {
      prepare: (_, server) => (log = instrument(server)),
    });
    await all(room.say({}));
    await all(room.tell({}));
    await all(room.join([{}]));
    expect(await all(room.chat([{ text: 'a' }, { text: 'b' }]))).toEqual([
      { text: 'a' },
      { text: 'b' },
    ]);
    await failure(room.say({ text: 'fail' }));
    expect(log?.started).toEqual(
      ['Say', 'Tell', 'Join', 'Chat', 'Say'].map((name) => `acme.v1.RoomService/${name}`),
    );
    expect(log?.ended).toEqual(['span 1', 'span 2', 'span 3', 'span 4', 'span 5']);
  });

  it('tells the hooks what instrumentation reads of a call, and of its request', async () => {
    let log: ReturnType<typeof instrument> | undefined;
    const { room } = await startInMemory([Kinds], {
      prepare: (_, server) => (log = instrument(server)),
    });
    await all(room.say({ text: 'a' }, { metadata: { user: 'ada' } }));
    await all(room.join([{}]));
    const [context, request, joining, joined] = (log?.contexts ?? []) as HookContext[];
    expect(context?.getPattern()).toBe('acme.v1.RoomService/Say');
    expect(context?.metadata).toMatchObject({});
    expect(request).toEqual({ text: 'a' });
    expect(joined).toBe(joining);
  });

  it('keeps the messages of a stream in order while the start is deferred', async () => {
    const { room } = await startInMemory([Kinds], {
      prepare: (_, server) => void instrument(server),
    });
    const texts = Array.from({ length: 40 }, (_, number) => ({ number: number + 1 }));
    for (let run = 0; run < 10; run += 1) expect(await all(room.chat(texts))).toEqual(texts);
  });

  it('ends the span of a call whose caller is gone, also before it was processed', async () => {
    const starting = signal();
    const go = signal();
    const ends: unknown[] = [];
    const over = signal();
    const gone = signal();
    const { url } = await start([Kinds], {
      options: { onClose: () => gone.resolve() },
      prepare: (_, server) => {
        server.setOnProcessingStartHook(async (_id, _context, done) => {
          starting.resolve();
          await go.promise;
          return done();
        });
        server.setOnProcessingEndHook((_id, context) => {
          ends.push(context);
          over.resolve();
        });
      },
    });
    const client = connect(url);
    const outcome = failure(client.getService<Room>('RoomService').tell({ text: 'hang' }));
    await starting.promise;
    await client.close();
    await outcome;
    await gone.promise;
    expect(ends).toEqual([]);
    Kinds.told = 0;
    go.resolve();
    await over.promise;
    await turn();
    expect(ends).toEqual([{ text: 'hang' }]);
    expect(Kinds.told).toBe(0);
  });

  it('ends the span of a stream that its caller leaves', async () => {
    let log: ReturnType<typeof instrument> | undefined;
    const { url } = await start([Kinds], { prepare: (_, server) => (log = instrument(server)) });
    const client = connect(url);
    const subscribed = signal();
    const tell = client.getService<Room>('RoomService').tell({ text: 'hang' });
    tell.subscribe({ next: () => subscribed.resolve(), error: () => undefined });
    await subscribed.promise;
    expect(log?.ended).toEqual([]);
    await client.close();
    while (log?.ended.length === 0) await turn();
    expect(log?.ended).toEqual(['span 1']);
  });

  it('ends a call with a status when the start hook throws or rejects', async () => {
    let fail: () => unknown = () => {
      throw new Error('secret');
    };
    const { room } = await startInMemory([Kinds], {
      prepare: (_, server) => server.setOnProcessingStartHook(() => fail()),
    });
    expect(await failure(room.say({}))).toBe('2 UNKNOWN: Internal server error');
    fail = () => Promise.reject(new RpcException({ code: 5, message: 'x' }));
    expect(await failure(room.say({}))).toBe('2 UNKNOWN: Internal server error');
  });

  it('logs what the end hook throws, and answers all the same', async () => {
    const { room, logger } = await startInMemory([Kinds], {
      prepare: (_, server) =>
        server.setOnProcessingEndHook(() => {
          throw new Error('broken hook');
        }),
    });
    expect(await all(room.say({}))).toEqual([{}]);
    expect(await all(room.tell({}))).toEqual([{}, {}]);
    expect(logger.errors.map(String)).toEqual(['Error: broken hook', 'Error: broken hook']);
  });

  it('ends a call with a status when a deferred handler throws at once', async () => {
    const { room, server } = await startInMemory([], {
      prepare: (_, ours) => {
        const pattern = { service: 'RoomService', rpc: 'Say', streaming: 'no_stream' };
        ours.addHandler(pattern, () => {
          throw new Error('not even a promise');
        });
        ours.setOnProcessingStartHook(
          (_id, _context, done) => void setImmediate(() => void done()),
        );
      },
    });
    expect(await failure(room.say({}))).toBe('2 UNKNOWN: Internal server error');
    expect(server.getHandlers().size).toBe(1);
  });

  it('answers when a hook defers a call and leaves its promise alone', async () => {
    const { room, server } = await startInMemory([Kinds], {
      prepare: (_, ours) =>
        ours.setOnProcessingStartHook(
          (_id, _context, done) => void setImmediate(() => void done()),
        ),
    });
    expect(await all(room.say({}))).toEqual([{}]);
    const [handler] = server.getHandlers().values();
    expect(handler).toBeTypeOf('function');
  });
});
