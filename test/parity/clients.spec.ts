import { Controller } from '@nestjs/common';
import { GrpcMethod, GrpcStreamMethod } from '@nestjs/microservices';
import { Client as GrpcJsClient, Metadata, type ServerUnaryCall } from '@grpc/grpc-js';
import { concat, from, lastValueFrom, map, of, throwError, toArray, type Observable } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { all, ending, newUrl, start, turn, type Started } from './application.js';
import { crashOf } from './crash.js';
import { NO_ANSWER, PROCESS_ENDS, recorded, type DifferenceId } from './differences.js';
import { KINDS_SERVICE, type Kinds, type Text } from './kinds.js';
import { KINDS, TRANSPORTS, VERSIONS, type ParityTransport } from './transports.js';

type Call = ServerUnaryCall<Text, Text>;

interface Serving extends Started {
  readonly kinds: Kinds;
  readonly calls: Call[];
}

/** Serves handlers that answer what they were given, and keep their calls. */
async function serve(transport: ParityTransport): Promise<Serving> {
  const calls: Call[] = [];
  @Controller()
  class Echoing {
    @GrpcMethod('Kinds')
    one(text: Text, _metadata: Metadata, call: Call): Text {
      calls.push(call);
      return text;
    }

    @GrpcMethod('Kinds')
    many(text: Text, _metadata: Metadata, call: Call): Observable<Text> {
      calls.push(call);
      return of(text, text);
    }

    @GrpcStreamMethod('Kinds')
    collect(texts: Observable<Text>, _metadata: Metadata, call: Call): Observable<Text> {
      calls.push(call);
      return texts.pipe(
        toArray(),
        map((list) => ({ text: list.map(({ text }) => text).join() })),
      );
    }

    @GrpcStreamMethod('Kinds')
    chat(texts: Observable<Text>, _metadata: Metadata, call: Call): Observable<Text> {
      calls.push(call);
      return texts;
    }

    @GrpcMethod('Kinds', 'GetURLInfo')
    url(text: Text): Text {
      return text;
    }
  }
  const started = await start(transport, KINDS, [Echoing]);
  return { ...started, calls, kinds: started.client.getService<Kinds>('Kinds') };
}

const TEXT = { text: 'a' };

/** What a call takes behind its request. */
type Rest = [metadata?: Metadata, options?: { readonly deadline: number }];

/** A call of each kind. */
const CALLS: readonly (readonly [
  kind: string,
  call: (kinds: Kinds, ...rest: Rest) => Observable<Text>,
  answer: Text[],
])[] = [
  ['unary', ({ one }, ...rest) => one(TEXT, ...rest), [TEXT]],
  ['server streaming', ({ many }, ...rest) => many(TEXT, ...rest), [TEXT, TEXT]],
  [
    'client streaming',
    ({ collect }, ...rest) => collect(of(TEXT, TEXT), ...rest),
    [{ text: 'a,a' }],
  ],
  ['bidirectional', ({ chat }, ...rest) => chat(of(TEXT, TEXT), ...rest), [TEXT, TEXT]],
];

/** What a client can do, or that it refuses to. */
async function attempt(make: () => unknown, done: string): Promise<string> {
  try {
    await make();
    return done;
  } catch {
    return 'refused';
  }
}

describe.each(TRANSPORTS)("Nest's client over $name", (transport) => {
  it('has both spellings of a method, and no others', async () => {
    const { kinds } = await serve(transport);
    const { getUrlInfo, GetURLInfo } = kinds;
    expect(await all(getUrlInfo(TEXT))).toEqual([TEXT]);
    expect(await all(GetURLInfo(TEXT))).toEqual([TEXT]);
    expect(Object.keys(kinds).toSorted()).toEqual(
      ['One', 'Many', 'Collect', 'Chat', 'CollectRaw', 'ChatRaw', 'Ping', 'GetURLInfo']
        .concat(['one', 'many', 'collect', 'chat', 'collectRaw', 'chatRaw', 'ping', 'getUrlInfo'])
        .toSorted(),
    );
  });

  it.each(CALLS)(
    'makes a call at each subscription, and none before: %s',
    async (_, make, answer) => {
      const { kinds, calls } = await serve(transport);
      const call = make(kinds);
      await all(kinds.getUrlInfo({}));
      expect(calls).toHaveLength(0);
      expect(await all(call)).toEqual(answer);
      expect(await all(call)).toEqual(answer);
      expect(calls).toHaveLength(2);
    },
  );

  it.each(CALLS)('sends metadata: %s', async (_, make, answer) => {
    const { kinds, calls } = await serve(transport);
    const metadata = new Metadata();
    metadata.set('Request-Id', 'r1');
    expect(await all(make(kinds, metadata))).toEqual(answer);
    expect(calls[0]?.metadata.get('request-id')).toEqual(['r1']);
    expect(calls[0]?.metadata.getMap()).toMatchObject({ 'request-id': 'r1' });
  });

  it('sends several values of a key as recorded', async () => {
    const { kinds, calls } = await serve(transport);
    const metadata = new Metadata();
    metadata.add('k', 'v');
    metadata.add('k', 'w');
    await all(kinds.one(TEXT, metadata));
    const values = calls[0]?.metadata.get('k').map((value) => `"${value.toString()}"`);
    expect(values?.join(' and ')).toBe(recorded('metadata-values', transport));
  });

  it('sends bytes in metadata as recorded', async () => {
    const { kinds } = await serve(transport);
    const metadata = new Metadata();
    metadata.set('k-bin', Buffer.from([1, 2]));
    const sent = await attempt(() => all(kinds.one(TEXT, metadata)), 'arrive');
    expect(sent).toBe(recorded('metadata-bytes', transport));
  });

  it('adds metadata of its own as recorded', async () => {
    const { kinds, calls } = await serve(transport);
    await all(kinds.one(TEXT));
    const keys = Object.keys(calls[0]?.metadata.getMap() ?? {});
    expect(keys.toSorted().join(', ') || 'none').toBe(recorded('metadata-own', transport));
  });

  it.each(CALLS.slice(0, 2))('sends its deadline: %s', async (_, make) => {
    const { kinds, calls } = await serve(transport);
    const deadline = Date.now() + 60_000;
    await all(make(kinds, new Metadata(), { deadline }));
    expect(Number(calls[0]?.getDeadline())).toBeGreaterThan(deadline - 30_000);
    expect(Number(calls[0]?.getDeadline())).toBeLessThan(deadline + 30_000);
  });

  it.each(CALLS.slice(2))('treats the deadline of a stream as recorded: %s', async (_, make) => {
    const { kinds, calls } = await serve(transport);
    await all(make(kinds, new Metadata(), { deadline: Date.now() + 60_000 }));
    const kept = Number(calls[0]?.getDeadline()) === Infinity ? 'is dropped' : 'is kept';
    expect(kept).toBe(recorded('stream-deadline', transport));
  });

  it('ends a call with DEADLINE_EXCEEDED', async () => {
    const { kinds } = await serve(transport);
    const ended = ending(kinds.one(TEXT, new Metadata(), { deadline: Date.now() - 1 }));
    expect(await ended).toMatch(/^4 DEADLINE_EXCEEDED: /);
  });

  it('ends as recorded when its requests fail', async () => {
    const expected = recorded('upstream-error', transport);
    const failing = () => throwError(() => new Error('the error of the requests'));
    if (expected === PROCESS_ENDS) {
      expect(await crashOf('collect', 'upstream')).toBe(expected);
    } else {
      const { kinds } = await serve(transport);
      expect(await ending(kinds.collect(concat(of(TEXT), failing())))).toBe(expected);
    }
  });

  it('fails a bidirectional call with the error of its requests', async () => {
    const { kinds } = await serve(transport);
    const failing = from(turn()).pipe(
      map(() => {
        throw new Error('the error of the requests');
      }),
    );
    expect(await ending(kinds.chat(concat(of(TEXT), failing)))).toBe('the error of the requests');
  });

  it('treats what is no stream of requests as recorded', async () => {
    const { kinds } = await serve(transport);
    const expected = recorded('no-stream', transport);
    // grpc-js takes the object for options, which is what gives the call its end.
    const given = { ...TEXT, deadline: Date.now() + (expected === NO_ANSWER ? 300 : 8000) };
    const text = await ending(kinds.collect(given as unknown as Observable<Text>));
    const ended = text.startsWith('4 DEADLINE_EXCEEDED') ? NO_ANSWER : text;
    expect(ended).toBe(expected);
  });

  it('fails a call as recorded where nobody listens', async () => {
    const nobody = new transport.clientClass({ ...KINDS, url: newUrl() });
    const text = await ending(nobody.getService<Kinds>('Kinds').one(TEXT));
    const error = await all(nobody.getService<Kinds>('Kinds').one(TEXT)).catch((e: unknown) => e);
    expect((error as { code: number }).code).toBe(14);
    const expected = recorded('unreachable', transport);
    expect(text.slice(0, expected.length)).toBe(expected);
    await nobody.close();
  });

  it('refuses calls once it is closed, and may be closed again', async () => {
    const { client, kinds } = await serve(transport);
    await all(kinds.one(TEXT));
    await client.close();
    await client.close();
    const expected = recorded('closed-call', transport);
    expect((await ending(kinds.one(TEXT))).slice(0, expected.length)).toBe(expected);
    const service = await attempt(() => client.getService('Kinds'), 'gives methods that fail');
    expect(service).toBe(recorded('closed-service', transport));
  });

  it('refuses a service that there is not', async () => {
    const { client } = await serve(transport);
    expect(() => client.getService('Kind')).toThrow(recorded('unknown-service', transport));
  });

  it('refuses message patterns', async () => {
    const { client } = await serve(transport);
    expect(await attempt(() => client.send('pattern', {}), 'sent')).toBe('refused');
    expect(await attempt(() => all(client.emit('pattern', {})), 'sent')).toBe('refused');
  });

  const ABILITIES: readonly (readonly [DifferenceId, string, (started: Serving) => unknown])[] = [
    ['client-connect', 'connects', ({ client }) => client.connect()],
    ['client-status', 'tells', ({ client }) => client.status],
    ['client-on', 'tells', ({ client }) => client.on('connect' as never, (() => {}) as never)],
    ['client-unwrap', "gives the engine's client", ({ client }) => client.unwrap()],
    ['client-full-name', 'gives the service', ({ client }) => client.getService(KINDS_SERVICE)],
  ];

  it.each(ABILITIES)('can do as recorded: %s', async (id, done, act) => {
    const serving = await serve(transport);
    expect(await attempt(() => act(serving), done)).toBe(recorded(id, transport));
  });

  it('gives by getClientByServiceName what is recorded', async () => {
    const { client, kinds } = await serve(transport);
    const given: unknown = client.getClientByServiceName('Kinds');
    const what = given instanceof GrpcJsClient ? "grpc-js's client" : 'what getService gives';
    expect(what).toBe(recorded('raw-client', transport));
    if (!(given instanceof GrpcJsClient)) expect(given).toBe(kinds);
  });
});

describe.each(TRANSPORTS)("setOnDispatchHook of Nest's client over $name", (transport) => {
  it('(26) is called as recorded, and its metadata arrives', async () => {
    const { client, kinds, calls } = await serve(transport);
    const packets: unknown[] = [];
    client.setOnDispatchHook((packet) => {
      packets.push(packet.data);
      Object.assign(packet, { metadata: { trace: 't1' } });
    });
    await all(kinds.one(TEXT));
    const called = packets.length === 0 ? 'is never called' : 'is called once a call';
    expect(called).toBe(recorded('dispatch-hook', transport));
    const hooked = packets.length > 0;
    expect(packets).toEqual(hooked ? [TEXT] : []);
    expect(calls[0]?.metadata.get('trace')).toEqual(hooked ? ['t1'] : []);
  });

  it('(26) adds nothing where there is none', async () => {
    const { kinds, calls } = await serve(transport);
    await all(kinds.one(TEXT));
    expect(calls[0]?.metadata.get('trace')).toEqual([]);
  });
});

interface Greeter {
  greet(request: Text): Observable<Text>;
}

describe.each(TRANSPORTS)('services of several packages over $name', (transport) => {
  @Controller()
  class Both {
    @GrpcMethod('Greeter')
    greet(): Text {
      return { text: 'any version' };
    }
  }

  @Controller()
  class Each {
    @GrpcMethod('versions.v1.Greeter', 'Greet')
    first(): Text {
      return { text: 'v1' };
    }

    @GrpcMethod('versions.v2.Greeter', 'greet')
    second(): Text {
      return { text: 'v2' };
    }
  }

  it('are served by one handler with a bare name', async () => {
    const { raw } = await start(transport, VERSIONS, [Both]);
    for (const service of ['versions.v1.Greeter', 'versions.v2.Greeter']) {
      const call = raw.open(service, 'Greet', { request: {} });
      expect([await call.ended, call.received]).toEqual(['OK', [{ text: 'any version' }]]);
    }
  });

  it('are served each by its own handler with a full name, in either spelling', async () => {
    const { raw } = await start(transport, VERSIONS, [Each]);
    for (const version of ['v1', 'v2']) {
      const call = raw.open(`versions.${version}.Greeter`, 'Greet', { request: {} });
      expect([await call.ended, call.received]).toEqual(['OK', [{ text: version }]]);
    }
  });

  it('are served as recorded by a handler with a bare name and one with a full name', async () => {
    @Controller()
    class Second {
      @GrpcMethod('versions.v2.Greeter', 'Greet')
      greet(): Text {
        return { text: 'the one with the full name' };
      }
    }

    @Controller()
    class Bare {
      @GrpcMethod('Greeter', 'Greet')
      greet(): Text {
        return { text: 'the one with the bare name' };
      }
    }
    const { raw } = await start(transport, VERSIONS, [Bare, Second]);
    const call = raw.open('versions.v2.Greeter', 'Greet', { request: {} });
    const expected = recorded('two-handlers', transport);
    expect([await call.ended, call.received]).toEqual(['OK', [{ text: expected }]]);
  });

  it('are found by a bare name as the first, by a full name as recorded', async () => {
    const { client } = await start(transport, VERSIONS, [Each]);
    const greet = (name: string) => lastValueFrom(client.getService<Greeter>(name).greet({}));
    expect(await greet('Greeter')).toEqual({ text: 'v1' });
    const second = await attempt(async () => {
      expect(await greet('versions.v2.Greeter')).toEqual({ text: 'v2' });
    }, 'by its full name');
    expect(second).toBe(recorded('second-service', transport));
  });
});
