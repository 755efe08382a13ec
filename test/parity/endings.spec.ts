import { Controller } from '@nestjs/common';
import { GrpcMethod, GrpcStreamCall, GrpcStreamMethod, RpcException } from '@nestjs/microservices';
import type { sendUnaryData, ServerDuplexStream, ServerReadableStream } from '@grpc/grpc-js';
import { EMPTY, materialize, of, Subject, tap, type Observable } from 'rxjs';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { signal, start, turn } from './application.js';
import { crashOf } from './crash.js';
import { NO_ANSWER, PROCESS_ENDS, recorded, type DifferenceId } from './differences.js';
import { KINDS_SERVICE, type Text } from './kinds.js';
import { KINDS, TRANSPORTS, type ParityTransport } from './transports.js';

const unhandled = vi.fn();
beforeAll(() => {
  process.on('unhandledRejection', unhandled).on('uncaughtException', unhandled);
});
beforeEach(() => unhandled.mockClear());
afterAll(() => {
  process.off('unhandledRejection', unhandled).off('uncaughtException', unhandled);
});

const METHODS = ['One', 'Many', 'Collect', 'Chat'] as const;

/** Serves four handlers that answer what `make` makes. */
function serve(transport: ParityTransport, make: () => unknown) {
  @Controller()
  class Answering {
    @GrpcMethod('Kinds')
    one(): unknown {
      return make();
    }

    @GrpcMethod('Kinds')
    many(): unknown {
      return make();
    }

    @GrpcStreamMethod('Kinds')
    collect(): unknown {
      return make();
    }

    @GrpcStreamMethod('Kinds')
    chat(): unknown {
      return make();
    }
  }
  return start(transport, KINDS, [Answering]);
}

/**
 * What comes of calling a method: the texts of its messages, or how it failed. A call that the table
 * has no answer for is given a short deadline, any other a long one.
 */
async function answerOf(
  transport: ParityTransport,
  [method, make]: readonly [(typeof METHODS)[number], () => unknown],
  expected: string,
): Promise<string> {
  const { raw } = await serve(transport, make);
  const deadline = Date.now() + (expected === NO_ANSWER ? 300 : 8000);
  const call = raw.open(KINDS_SERVICE, method, { request: {}, deadline });
  const status = await call.ended;
  if (status.startsWith('4 DEADLINE_EXCEEDED')) return NO_ANSWER;
  if (status !== 'OK') return status.replace(/(serialised): .*/, '$1');
  const texts = (call.received as Text[]).map(({ text }) => text ?? 'an empty message');
  return texts.join(', ') || 'no message';
}

const twice = () => of({ text: 'first' }, { text: 'last' });
const list = () => [{ text: 'first' }, { text: 'last' }];

async function* generator(): AsyncGenerator<Text> {
  yield* list();
}

const CASES: readonly (readonly [
  sentence: string,
  method: (typeof METHODS)[number],
  make: () => unknown,
  id: DifferenceId,
])[] = [
  ['(16) unary, completes without a message', 'One', () => EMPTY, 'one-empty'],
  ['(17) client streaming, completes without a message', 'Collect', () => EMPTY, 'one-empty'],
  ['(18) client streaming, emits undefined', 'Collect', () => of(undefined), 'collect-undefined'],
  ['client streaming, returns nothing', 'Collect', () => undefined, 'collect-undefined'],
  ['unary, returns nothing', 'One', () => undefined, 'undefined'],
  ['unary, emits undefined', 'One', () => of(undefined), 'undefined'],
  ['server streaming, emits undefined', 'Many', () => of(undefined), 'undefined'],
  ['bidirectional, emits undefined', 'Chat', () => of(undefined), 'undefined'],
  ['unary, emits twice', 'One', twice, 'one-twice'],
  ['unary, returns an array', 'One', list, 'array-of-one'],
  ['client streaming, returns an array', 'Collect', list, 'array-of-one'],
  ['server streaming, returns an array', 'Many', list, 'array-of-many'],
  ['bidirectional, returns an array', 'Chat', list, 'array-of-many'],
  ['unary, is a generator', 'One', generator, 'generator-of-one'],
  ['client streaming, is a generator', 'Collect', generator, 'generator-of-collect'],
  ['server streaming, is a generator', 'Many', generator, 'generator-of-many'],
  ['bidirectional, is a generator', 'Chat', generator, 'generator-of-many'],
];

const SAME: readonly (readonly [(typeof METHODS)[number], string, () => unknown, string])[] = [
  ...METHODS.map((method) => [method, 'a value', () => ({ text: 'a' }), 'a'] as const),
  ...METHODS.map((method) => [method, 'a promise', async () => ({ text: 'a' }), 'a'] as const),
  ...METHODS.map((method) => [method, 'an Observable', () => of({ text: 'a' }), 'a'] as const),
  ...METHODS.map(
    (method) => [method, 'a promised Observable', async () => of({ text: 'a' }), 'a'] as const,
  ),
  ['One', 'an Observable of a promise', () => of(Promise.resolve({ text: 'a' })), 'a'],
  ['Many', 'an Observable of two', twice, 'first, last'],
  ['Chat', 'an Observable of two', twice, 'first, last'],
  ['Collect', 'an Observable of two', twice, 'last'],
  ['Many', 'an empty Observable', () => EMPTY, 'no message'],
  ['Chat', 'an empty Observable', () => EMPTY, 'no message'],
];

describe.each(TRANSPORTS)('a handler over $name', (transport) => {
  it.each(SAME)('answers %s with %s', async (method, _, make, expected) => {
    expect(await answerOf(transport, [method, make], expected)).toBe(expected);
  });

  it.each(CASES)('answers as recorded: %s', async (_, method, make, id) => {
    const expected = recorded(id, transport);
    expect(await answerOf(transport, [method, make], expected)).toBe(expected);
    await turn();
    expect(unhandled).not.toHaveBeenCalled();
  });

  it('answers a message without fields when it returns nothing', async () => {
    @Controller()
    class Pinged {
      @GrpcMethod('Kinds')
      ping(): void {}
    }
    const { raw } = await start(transport, KINDS, [Pinged]);
    const call = raw.open(KINDS_SERVICE, 'Ping', { request: {} });
    expect([await call.ended, call.received]).toEqual(['OK', [{}]]);
  });

  it('(21) fails a call whose requests go on, and fails its requests', async () => {
    const requestsEnded = signal<string>();
    @Controller()
    class Refusing {
      @GrpcStreamMethod('Kinds')
      chat(requests: Observable<Text>): Observable<Text> {
        const responses = new Subject<Text>();
        requests
          .pipe(
            tap(() => responses.error(new RpcException({ code: 3, message: 'echo rejected' }))),
            materialize(),
          )
          .subscribe(({ kind }) => {
            if (kind !== 'N') requestsEnded.resolve(kind === 'E' ? 'fail' : 'complete');
          });
        return responses;
      }
    }
    const { raw } = await start(transport, KINDS, [Refusing]);
    const call = raw.open(KINDS_SERVICE, 'Chat');
    call.send({ text: 'a' });
    expect(await call.ended).toBe('3 INVALID_ARGUMENT: echo rejected');
    expect(await requestsEnded.promise).toBe('fail');
  });
});

@Controller()
class Throwing {
  @GrpcStreamCall('Kinds')
  chatRaw(_call: ServerDuplexStream<Text, Text>): void {
    throw new RpcException({ code: 3, message: 'echo rejected' });
  }

  @GrpcStreamCall('Kinds')
  collectRaw(_call: ServerReadableStream<Text, Text>, _callback: sendUnaryData<Text>): void {
    throw new RpcException({ code: 3, message: 'echo rejected' });
  }
}

describe.each(TRANSPORTS)('a pass-through handler over $name', (transport) => {
  /** Where the table says that the process ends, there is one for it. */
  const endingOf = async (id: DifferenceId, method: 'ChatRaw' | 'CollectRaw', deny = false) => {
    if (recorded(id, transport) === PROCESS_ENDS) {
      return crashOf(method === 'ChatRaw' ? 'chatRaw' : 'collectRaw', deny ? 'denies' : 'throws');
    }
    const { raw } = await start(transport, KINDS, [Throwing], {
      prepare: (app) => deny && app.useGlobalGuards({ canActivate: () => false }),
    });
    const status = await raw.open(KINDS_SERVICE, method).ended;
    await turn();
    expect(unhandled).not.toHaveBeenCalled();
    return status;
  };

  it.each([
    ['(19) ends as recorded when it throws: bidirectional', 'ChatRaw'],
    ['(20) ends as recorded when it throws: client streaming', 'CollectRaw'],
  ] as const)('%s', async (_, method) => {
    expect(await endingOf('raw-throws', method)).toBe(recorded('raw-throws', transport));
  });

  it.each(['ChatRaw', 'CollectRaw'] as const)(
    'ends as recorded when a guard denies it: %s',
    async (method) => {
      expect(await endingOf('raw-denied', method, true)).toBe(recorded('raw-denied', transport));
    },
  );

  it('is ended by what it hands to its callback, or emits as an error', async () => {
    const error = { code: 3, message: 'refused' };
    @Controller()
    class Refusing {
      @GrpcStreamCall('Kinds')
      chatRaw(call: ServerDuplexStream<Text, Text>): void {
        call.emit('error', error);
      }

      @GrpcStreamCall('Kinds')
      collectRaw(_call: ServerReadableStream<Text, Text>, callback: sendUnaryData<Text>): void {
        callback(error);
      }
    }
    const { raw } = await start(transport, KINDS, [Refusing]);
    for (const method of ['ChatRaw', 'CollectRaw']) {
      expect(await raw.open(KINDS_SERVICE, method).ended).toBe('3 INVALID_ARGUMENT: refused');
    }
  });
});

it('a process that serves a pass-through handler over gRPC goes on as long as nothing goes wrong', async () => {
  expect(await crashOf('chatRaw', 'works')).toBe('the process exits with 0: calling\n');
});
