import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ClientConnection } from '../../lib/protocol/client-connection.js';
import type { ServerConnection } from '../../lib/protocol/server-connection.js';
import { METHOD_SHAPES, type MethodKind } from '../../lib/spec/method.js';
import { budget, timeout } from '../fuzz/budget.js';
import { frameBytes } from '../support/arbitraries.js';
import { MemoryPair } from '../support/memory-pair.js';
import { frames, hex } from '../support/transcript.js';
import {
  ConnectionModel,
  MAX_OPEN_STREAMS,
  MAX_PAYLOAD,
  type ModelStream,
  type WireFrame,
} from './connection-model.js';
import { clientAt, serverAt, TestClientStream, TestHandler } from './recording-streams.js';

interface Real {
  readonly pair: MemoryPair;
  readonly client: ClientConnection;
  readonly server: ServerConnection;
  readonly handler: TestHandler;
  readonly calls: TestClientStream[];
}

type Side = 'client' | 'server';
type Command = fc.Command<ConnectionModel, Real>;

/** The method that {@link TestHandler} knows as one of this kind. */
const METHODS: Readonly<Record<MethodKind, string>> = {
  unary: '1205 "unary"',
  serverStreaming: '1204 "down"',
  clientStreaming: '1202 "up"',
  bidirectional: '1204 "both"',
};
const KINDS = Object.keys(METHODS) as MethodKind[];

/** A command that is always allowed. */
function always(
  name: string,
  act: (model: ConnectionModel, real: Real) => void,
): fc.Arbitrary<Command> {
  return fc.constant({
    check: () => true,
    run(model, real) {
      act(model, real);
      settleAndCompare(model, real);
    },
    toString: () => name,
  });
}

/** Acts on one of the streams of a side, if there is one that `allows` it. */
function onStream(
  side: Side,
  name: string,
  allows: (stream: ModelStream) => boolean,
  act: (model: ConnectionModel, stream: ModelStream, real: Real) => void,
): fc.Arbitrary<Command> {
  const allowed = (model: Readonly<ConnectionModel>): ModelStream[] =>
    [...(side === 'client' ? model.calls : model.served).values()].filter(allows);
  return fc.nat({ max: 20 }).map((pick) => ({
    check: (model) => allowed(model).length > 0,
    run(model, real) {
      const streams = allowed(model);
      act(model, streams[pick % streams.length] as ModelStream, real);
      settleAndCompare(model, real);
    },
    toString: () => `${side} ${name} ${pick}`,
  }));
}

const streamsRequests = ({ kind }: ModelStream): boolean => METHOD_SHAPES[kind].requestStream;
const streamsResponses = ({ kind }: ModelStream): boolean => METHOD_SHAPES[kind].responseStream;
const lives = ({ state }: ModelStream): boolean => state !== 'closed';
const callOf = ({ calls }: Real, { id }: ModelStream): TestClientStream =>
  calls[(id - 1) / 2] as TestClientStream;
const message = fc.constantFrom('', 'aa', 'bbcc');

const open = fc.constantFrom(...KINDS).chain((kind) =>
  always(`open ${kind}`, (model, real) => {
    real.calls.push(new TestClientStream(kind).start(real.client, hex(METHODS[kind])));
    model.open(kind);
  }),
);

const clientSends = message.chain((text) =>
  onStream(
    'client',
    `sends ${text}`,
    (call) => call.state === 'open',
    (model, call, real) => {
      callOf(real, call).send(hex(text));
      model.clientSends(call, text);
    },
  ),
);

const halfCloses = onStream('client', 'half-closes', streamsRequests, (model, call, real) => {
  callOf(real, call).halfClose();
  model.halfClose(call);
});

const abandons = onStream(
  'client',
  'abandons',
  () => true,
  (model, call, real) => {
    callOf(real, call).abandon();
    model.abandon(call);
  },
);

const serverSends = message.chain((text) =>
  onStream(
    'server',
    `sends ${text}`,
    (stream) => lives(stream) && streamsResponses(stream),
    (model, stream, { handler }) => {
      handler.get(stream.id).send(hex(text));
      model.serverSends(stream, text);
    },
  ),
);

const serverEnds = onStream('server', 'ends', lives, (model, stream, { handler }) => {
  const real = handler.get(stream.id);
  if (streamsResponses(stream)) real.sendEnd();
  else real.respond();
  model.serverEnds(stream);
});

const serverFails = onStream('server', 'fails', lives, (model, stream, { handler }) => {
  handler.get(stream.id).sendStatus({ code: 5, message: 'x', details: [] });
  model.serverFails(stream, '5 x');
});

/** The pipe of a side takes one batch, and no more; or again all that is written. */
const pipes = fc
  .tuple(fc.constantFrom<Side>('client', 'server'), fc.constantFrom('hold', 'let go'))
  .chain(([side, what]) =>
    always(`${what} what the ${side} writes`, (model, { pair }) => {
      const pipe = side === 'client' ? model.toServer : model.toClient;
      pipe.holding = what === 'hold';
      if (pipe.holding) pair[side].hold();
      else pair[side].release();
    }),
  );

/** A consumer that lags keeps its side from reading. */
const stalls = fc
  .tuple(fc.constantFrom<Side>('client', 'server'), fc.boolean())
  .map(([side, pause]): Command => ({
    check: (model) => readBy(model, side).paused !== pause,
    run(model, real) {
      if (pause) real[side].pauseReading();
      else real[side].resumeReading();
      readBy(model, side).paused = pause;
      settleAndCompare(model, real);
    },
    toString: () => `${side} ${pause ? 'stops' : 'begins'} to read`,
  }));

function readBy(model: Readonly<ConnectionModel>, side: Side) {
  return side === 'client' ? model.toClient : model.toServer;
}

/** A frame that its side may not send, or not now, arrives from nowhere. */
const strays = fc
  .record({
    side: fc.constantFrom<Side>('client', 'server'),
    // Of an early stream, mostly; of one to come, one far away, or none.
    id: fc.oneof(fc.constantFrom(1, 3, 5), fc.nat({ max: 14 }), fc.constant(0xffff_fffe)),
    type: fc.constantFrom<WireFrame['type']>('request', 'response', 'data', 'unknown'),
    oversized: fc.boolean(),
    bad: fc.boolean(),
    kind: fc.constantFrom(...KINDS),
    message: fc.option(message, { nil: undefined }),
    end: fc.boolean(),
    status: fc.option(fc.constant('9 odd'), { nil: undefined }),
  })
  .chain(({ side, ...given }) => {
    const frame: WireFrame = plausible(given);
    return always(`${side} hears ${JSON.stringify(frame)}`, (model, { pair }) => {
      pair[side].receive(bytesOf(frame));
      readBy(model, side).arrived.push(frame);
    });
  });

/** Only what a frame of that type can say. */
function plausible({ id, type, oversized, bad, kind, message: text, end, status }: WireFrame) {
  if (oversized === true) return { id, type, oversized, end };
  if (type === 'data') return { id, type, message: text, end };
  if (type === 'unknown') return { id, type };
  if (bad === true) return { id, type, bad };
  if (type === 'request') return { id, type, kind };
  return status === undefined ? { id, type, message: text } : { id, type, status };
}

const TYPES = { request: 1, response: 2, data: 3, unknown: 7 };

function bytesOf(frame: WireFrame): Buffer {
  const { id: streamId, type } = frame;
  const end = frame.end === true ? 1 : 0;
  const flags = type === 'data' ? end | (frame.message === undefined ? 4 : 0) : end;
  const payload = frame.oversized === true ? Buffer.alloc(MAX_PAYLOAD + 1) : payloadOf(frame);
  return frameBytes({ streamId, type: TYPES[type], flags, payload });
}

function payloadOf({ type, kind, bad, message: text, status }: WireFrame): Buffer {
  if (bad === true) return hex('0a05');
  if (kind !== undefined) return hex(METHODS[kind]);
  if (status !== undefined) return hex('0a07 0809 1203 "odd"');
  const bytes = hex(text ?? '');
  return type === 'response' && bytes.length > 0
    ? Buffer.concat([Buffer.of(0x12, bytes.length), bytes])
    : bytes;
}

function settleAndCompare(model: ConnectionModel, real: Real): void {
  real.pair.settle();
  model.settle();
  for (const call of model.calls.values()) {
    const stream = callOf(real, call);
    expect(stream.events).toEqual(call.events);
    expect(stream.isActive).toBe(lives(call));
    expect(stream.canSend).toBe(call.state === 'open');
  }
  expect([...real.handler.streams.keys()]).toEqual([...model.served.keys()]);
  for (const stream of model.served.values()) {
    const { events, active } = real.handler.get(stream.id);
    expect(events).toEqual(stream.events);
    expect(active).toBe(lives(stream));
  }
  expect(real.client.openStreams).toBe(ConnectionModel.active(model.calls).length);
  expect(real.server.openStreams).toBe(ConnectionModel.active(model.served).length);
  for (const side of ['client', 'server'] as const) {
    for (const line of frames(real.pair[side].takeSent())) expect(line).toMatch(LEGAL[side]);
  }
}

/** Every frame is of a form that the other implementations take; type 0 is one that was taken back. */
const LEGAL = {
  client: /^\w{8} \w{8} (?:00|01 0[016]|03 00|03 05$)/u,
  server: /^\w{8} \w{8} (?:02 00|03 00|03 05$)/u,
};

/** How a connection may end. */
const ENDS: Readonly<Record<string, (real: Real) => void>> = {
  'the client closes': ({ client }) => client.close(),
  'the server closes': ({ server }) => server.close(),
  'the client destroys': ({ client }) => client.destroy(),
  'the server destroys': ({ server }) => server.destroy(),
  'the pipe breaks': ({ pair }) => {
    pair.client.fail(new Error('broken'));
    pair.server.fail(new Error('broken'));
  },
  'the client hears no ttrpc': ({ pair }) => pair.client.receive(hex('48545450 00*6')),
  'the server hears no ttrpc': ({ pair }) => pair.server.receive(hex('48545450 00*6')),
};

/** Every stream that was open ends now, once, and nobody hears of any other. */
function endAndCompare(how: string, model: ConnectionModel, real: Real): void {
  const streams = [...real.handler.streams.values()];
  const seen = [...real.calls, ...streams].map(({ events }) => events.length);
  ENDS[how]?.(real);
  for (const side of ['client', 'server'] as const) {
    real.pair[side].release();
    if (readBy(model, side).paused) real[side].resumeReading();
  }
  real.pair.settle();
  expect([real.client.openStreams, real.server.openStreams]).toEqual([0, 0]);
  const states = [...model.calls.values(), ...model.served.values()].map(lives);
  for (const [at, { events }] of [...real.calls, ...streams].entries()) {
    const ends = events
      .slice(seen[at])
      .filter((event) => /^(?:ok|status|failure|cut off)/u.test(event));
    expect(ends).toHaveLength(states[at] === true ? 1 : 0);
  }
}

describe('a connection between both roles', { timeout }, () => {
  it('does what its model does, whatever is called and arrives in whatever order, and ends all streams with it', () => {
    const commands = fc.commands(
      [
        open,
        clientSends,
        halfCloses,
        abandons,
        serverSends,
        serverEnds,
        serverFails,
        pipes,
        stalls,
        strays,
      ],
      { maxCommands: 60, size: 'max' },
    );
    const end = fc.constantFrom(...Object.keys(ENDS));
    fc.assert(
      fc.property(commands, fc.array(fc.nat({ max: 20 })), end, (sequence, sizes, how) => {
        const pair = new MemoryPair();
        pair.client.cuts = sizes;
        pair.server.cuts = sizes;
        const handler = new TestHandler();
        const limits = { maxPayloadBytes: MAX_PAYLOAD, maxOpenStreams: MAX_OPEN_STREAMS };
        const model = new ConnectionModel();
        const real: Real = {
          pair,
          client: clientAt(pair.client, [], limits),
          server: serverAt(pair.server, handler, [], limits),
          handler,
          calls: [],
        };
        fc.modelRun(() => ({ model, real }), sequence);
        endAndCompare(how, model, real);
      }),
      budget,
    );
  });
});
