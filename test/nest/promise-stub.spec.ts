import { Controller } from '@nestjs/common';
import { GrpcMethod, GrpcStreamMethod, RpcException } from '@nestjs/microservices';
import { finalize, map, NEVER, of, startWith, throwError, toArray, type Observable } from 'rxjs';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import {
  ClientTtrpc,
  DefinitionError,
  Metadata,
  StatusError,
  type CallOptions,
  type ClientInterceptor,
} from '../../lib/index.js';
import { closeLater, failure, ROOM, startInMemory, turn, type Text } from './app.js';
import type { Dialer } from '../../lib/engine/index.js';

type Requests = Iterable<Text> | AsyncIterable<Text> | Observable<Text>;

interface Promises {
  say(request: Text, second?: object, third?: CallOptions): Promise<Text>;
  tell(request: Text, second?: object): AsyncIterable<Text>;
  join(requests: Requests, second?: object): Promise<Text>;
  chat(requests: Requests, second?: object): AsyncIterable<Text>;
}

const called = vi.fn();

@Controller()
class Echo {
  @GrpcMethod('RoomService')
  say({ text }: Text, metadata: Metadata): Observable<Text> | Text {
    called();
    if (text === 'hang') return NEVER;
    if (text === 'fail') throw new RpcException({ code: 5, message: 'nobody' });
    return { text: `${text} ${metadata.get('user').join()}` };
  }

  @GrpcMethod('RoomService')
  tell({ text }: Text): Observable<Text> {
    called();
    if (text === 'hang') return NEVER.pipe(startWith({ text: 'first' }));
    if (text === 'fail') return throwError(() => new RpcException({ code: 5, message: 'nobody' }));
    return of({ text: 'one' }, { text: 'two' });
  }

  @GrpcStreamMethod('RoomService')
  join(requests: Observable<Text>): Observable<Text> {
    called();
    return requests.pipe(
      toArray(),
      map((texts) => ({ text: texts.map(({ text }) => text).join('+') })),
    );
  }

  @GrpcStreamMethod('RoomService')
  chat(requests: Observable<Text>): Observable<Text> {
    called();
    return requests.pipe(
      map(({ text }) => {
        if (text === 'fail') throw new RpcException({ code: 5, message: 'nobody' });
        return { text: `${text}!` };
      }),
    );
  }
}

const passing: ClientInterceptor = {
  unary: (request, call, next) => next(request, call),
  stream: (requests, call, next) => next(requests, call),
};

async function collect(messages: AsyncIterable<Text>): Promise<string[]> {
  const texts: string[] = [];
  for await (const { text } of messages) texts.push(text ?? '');
  return texts;
}

async function* textsOf(...texts: string[]): AsyncGenerator<Text> {
  for (const text of texts) yield { text };
}

let dial: Dialer;

beforeEach(async () => {
  called.mockClear();
  ({ dial } = await startInMemory([Echo]));
});

describe.each<[string, ClientInterceptor[]]>([
  ['getPromiseService', []],
  ['getPromiseService behind interceptors', [passing]],
])('%s', (_, interceptors) => {
  let room: Promises;

  beforeEach(() => {
    const client = closeLater(new ClientTtrpc({ ...ROOM, dial, interceptors }));
    room = client.getPromiseService<Promises>('RoomService');
  });

  it('gives a Promise of one response', async () => {
    expect(await room.say({ text: 'a' })).toEqual({ text: 'a ' });
    for (const requests of [
      [{ text: 'a' }, { text: 'b' }],
      textsOf('a', 'b'),
      of({ text: 'a' }, { text: 'b' }),
    ]) {
      expect(await room.join(requests)).toEqual({ text: 'a+b' });
    }
  });

  it('gives an AsyncIterable of many', async () => {
    expect(await collect(room.tell({}))).toEqual(['one', 'two']);
    for (const requests of [[{ text: 'a' }], textsOf('a'), of({ text: 'a' })]) {
      expect(await collect(room.chat(requests))).toEqual(['a!']);
    }
  });

  it('takes metadata and options as the Observables do', async () => {
    const metadata = new Metadata();
    metadata.set('user', 'ada');
    expect(await room.say({ text: 'a' }, metadata)).toEqual({ text: 'a ada' });
    expect(await room.say({ text: 'a' }, { metadata })).toEqual({ text: 'a ada' });
    expect(await failure(room.say({ text: 'hang' }, metadata, { timeoutMs: 20 }))).toMatch(
      /^4 DEADLINE/,
    );
    const wrong = room.say({}, { timeout: 5 });
    expect(await failure(wrong)).toContain('a call has no option timeout');
    expect(() => room.tell({}, { timeout: 5 })).toThrow('a call has no option timeout');
    expect(await failure(room.join(7 as never))).toContain('takes a stream');
  });

  it('calls for one response at once, and for many when a loop begins, once for each', async () => {
    void room.say({});
    const told = room.tell({});
    await vi.waitFor(() => expect(called).toHaveBeenCalledTimes(1));
    await collect(told);
    await collect(told);
    expect(called).toHaveBeenCalledTimes(3);
  });

  it('rejects, and throws in the loop, with the status', async () => {
    const error = await room.say({ text: 'fail' }).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(StatusError);
    expect(String(error)).toContain('5 NOT_FOUND: nobody');
    expect(await failure(collect(room.tell({ text: 'fail' })))).toBe('5 NOT_FOUND: nobody');
    expect(await failure(collect(room.chat([{ text: 'fail' }])))).toBe('5 NOT_FOUND: nobody');
  });

  it('cancels when the signal aborts', async () => {
    const signal = AbortSignal.timeout(20);
    expect(await failure(room.say({ text: 'hang' }, { signal }))).toMatch(/^1 CANCELLED/);
    expect(await failure(collect(room.tell({ text: 'hang' }, { signal })))).toMatch(/^1 CANCELLED/);
  });

  it('cancels when the loop is left: it unsubscribes from the requests', async () => {
    const unsubscribed = vi.fn();
    const requests = NEVER.pipe(startWith({ text: 'a' }), finalize(unsubscribed));
    for await (const { text } of room.chat(requests)) {
      expect(text).toBe('a!');
      break;
    }
    await vi.waitFor(() => expect(unsubscribed).toHaveBeenCalledOnce());
  });

  it('fails with the requests, whose error is the cause', async () => {
    const reason = new Error('no more');
    const error = await room.join(throwError(() => reason)).catch((caught: unknown) => caught);
    expect(error).toMatchObject({ code: 1, cause: reason });
  });
});

describe('ClientTtrpc.getPromiseService', () => {
  it('gives one object for every name of a service, in both spellings', () => {
    const client = closeLater(new ClientTtrpc({ ...ROOM, dial }));
    const room = client.getPromiseService<Record<string, unknown>>('RoomService');
    expect(client.getPromiseService('acme.v1.RoomService')).toBe(room);
    expect(client.getService('RoomService')).not.toBe(room);
    expect(room['Say']).toBe(room['say']);
    expect(() => client.getPromiseService('RomService')).toThrow(DefinitionError);
  });

  it('gives errors as a subclass serialises them', async () => {
    class Translating extends ClientTtrpc {
      protected override serializeError(error: StatusError): unknown {
        return new Error(`translated ${error.details}`);
      }
    }
    const client = closeLater(new Translating({ ...ROOM, dial }));
    const room = client.getPromiseService<Promises>('RoomService');
    expect(await failure(room.say({ text: 'fail' }))).toBe('translated nobody');
    expect(await failure(collect(room.tell({ text: 'fail' })))).toBe('translated nobody');
  });

  it('does not leave a rejection behind that nobody can handle', async () => {
    const unhandled = vi.fn();
    process.on('unhandledRejection', unhandled);
    const client = closeLater(new ClientTtrpc({ ...ROOM, dial }));
    const room = client.getPromiseService<Promises>('RoomService');
    await failure(room.say({ text: 'fail' }));
    await failure(collect(room.chat(throwError(() => new Error('no more')))));
    await turn();
    process.off('unhandledRejection', unhandled);
    expect(unhandled).not.toHaveBeenCalled();
  });
});
