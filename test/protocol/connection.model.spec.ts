import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ClientConnection } from '../../lib/protocol/client-connection.js';
import type { ServerConnection } from '../../lib/protocol/server-connection.js';
import type { MethodKind } from '../../lib/spec/method.js';
import { MemoryPair, type MemoryEnd } from '../support/memory-pair.js';
import { frames, hex } from '../support/transcript.js';
import { clientAt, serverAt, TestClientStream, TestHandler } from './recording-streams.js';

/** What a call should have gone through, kept by rules instead of frames. */
interface ModelCall {
  /** Whether its method takes a stream of requests, and answers with one of messages. */
  readonly streams: boolean;
  clientDone: boolean;
  /** The server has sent its end, or was cut off. */
  serverDone: boolean;
  abandoned: boolean;
  readonly toServer: string[];
  readonly toClient: string[];
}

interface Model {
  readonly calls: ModelCall[];
}

interface Real {
  readonly pair: MemoryPair;
  readonly client: ClientConnection;
  readonly server: ServerConnection;
  readonly handler: TestHandler;
  readonly calls: TestClientStream[];
}

type Command = fc.Command<Model, Real>;

/** Acts on one of the calls, if there is one that `allows` it. */
function onCall(
  name: string,
  allows: (call: ModelCall) => boolean,
  act: (call: ModelCall, client: TestClientStream, server: TestHandler, streamId: number) => void,
): fc.Arbitrary<Command> {
  return fc.nat({ max: 20 }).map((pick) => ({
    check: ({ calls }) => calls.some(allows),
    run: ({ calls }, real) => {
      const indices = [...calls.keys()].filter((index) => allows(calls[index] as ModelCall));
      const index = indices[pick % indices.length] as number;
      const client = real.calls[index] as TestClientStream;
      act(calls[index] as ModelCall, client, real.handler, 2 * index + 1);
      settleAndCompare(calls, real);
    },
    toString: () => `${name} ${pick}`,
  }));
}

const open = fc.constantFrom<MethodKind>('unary', 'bidirectional').map((kind): Command => {
  const streams = kind === 'bidirectional';
  return {
    check: () => true,
    run: ({ calls }, real) => {
      const envelope = hex(streams ? '1206 "stream"' : '1205 "unary"');
      real.calls.push(new TestClientStream(kind).start(real.client, envelope));
      calls.push({
        streams,
        clientDone: !streams,
        serverDone: false,
        abandoned: false,
        toServer: [],
        toClient: [],
      });
      settleAndCompare(calls, real);
    },
    toString: () => `open ${kind}`,
  };
});

const clientSends = onCall(
  'client sends',
  (call) => !call.clientDone && !call.serverDone,
  (call, client) => {
    client.send(hex('aa'));
    call.toServer.push('message aa');
  },
);

const halfClose = onCall(
  'half-close',
  (call) => call.streams && !call.abandoned,
  (call, client) => {
    client.halfClose();
    if (!call.clientDone && !call.serverDone) call.toServer.push('half-closed');
    call.clientDone = true;
  },
);

const abandon = onCall(
  'abandon',
  () => true,
  (call, client) => {
    client.abandon();
    if (!call.clientDone && !call.serverDone) call.toServer.push('half-closed');
    call.clientDone = true;
    call.abandoned = true;
  },
);

const serverSends = onCall(
  'server sends',
  (call) => call.streams && !call.serverDone,
  (call, _, server, streamId) => {
    server.get(streamId).send(hex('bb'));
    if (!call.abandoned) call.toClient.push('message bb');
  },
);

const serverEnds = onCall(
  'server ends',
  (call) => !call.serverDone,
  (call, _, server, streamId) => {
    const stream = server.get(streamId);
    if (call.streams) stream.sendEnd();
    else stream.respond();
    call.serverDone = true;
    if (!call.abandoned) call.toClient.push(...(call.streams ? ['ok'] : ['message', 'ok']));
  },
);

const serverFails = onCall(
  'server fails',
  (call) => !call.serverDone,
  (call, _, server, streamId) => {
    server.get(streamId).sendStatus({ code: 5, message: 'x', details: [] });
    call.serverDone = true;
    if (!call.abandoned) call.toClient.push('status 5 x');
  },
);

function settleAndCompare(calls: readonly ModelCall[], real: Real): void {
  real.pair.settle();
  for (const [index, call] of calls.entries()) {
    const client = real.calls[index] as TestClientStream;
    const server = real.handler.get(2 * index + 1);
    expect(client.events).toEqual(call.toClient);
    expect(server.events).toEqual(call.toServer);
    expect(client.isActive).toBe(!call.abandoned && !call.serverDone);
    expect(client.canSend).toBe(!call.clientDone && !call.serverDone);
    expect(server.active).toBe(!call.serverDone);
  }
  expect(real.client.openStreams).toBe(
    calls.filter((call) => !call.abandoned && !call.serverDone).length,
  );
  expect(real.server.openStreams).toBe(calls.filter((call) => !call.serverDone).length);
  for (const end of [real.pair.client, real.pair.server]) expectLegal(end);
}

const legal = {
  client: /^\w{8} \w{8} (?:01 0[06]|03 00|03 05$)/u,
  server: /^\w{8} \w{8} (?:02 00|03 00|03 05$)/u,
};

/** Every frame is of a form that the other implementations take. */
function expectLegal(end: MemoryEnd): void {
  const role = end.peer?.constructor.name === 'ClientConnection' ? 'client' : 'server';
  for (const line of frames(end.takeSent())) expect(line).toMatch(legal[role]);
}

describe('a connection between both roles', () => {
  it('does what its model does, whatever is called in whatever order', () => {
    const commands = fc.commands(
      [open, clientSends, halfClose, abandon, serverSends, serverEnds, serverFails],
      { maxCommands: 60, size: 'max' },
    );
    fc.assert(
      fc.property(commands, fc.array(fc.nat({ max: 20 })), (sequence, sizes) => {
        fc.modelRun(() => {
          const pair = new MemoryPair();
          pair.client.cuts = sizes;
          pair.server.cuts = sizes;
          const handler = new TestHandler();
          const real: Real = {
            pair,
            client: clientAt(pair.client),
            server: serverAt(pair.server, handler),
            handler,
            calls: [],
          };
          return { model: { calls: [] }, real };
        }, sequence);
      }),
      { numRuns: 200 },
    );
  });
});
