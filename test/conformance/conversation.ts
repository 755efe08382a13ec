import { expect } from 'vitest';
import type { TtrpcError } from '../../lib/errors.js';
import { ClientConnection } from '../../lib/protocol/client-connection.js';
import {
  resolveConnectionOptions,
  type ConnectionOptions,
} from '../../lib/protocol/connection-options.js';
import { ServerConnection } from '../../lib/protocol/server-connection.js';
import type { CallOptions, Handler } from '../../lib/rpc/call.js';
import { UnaryClientCall } from '../../lib/rpc/client-call.js';
import { StreamClientCall } from '../../lib/rpc/client-stream-call.js';
import { Dispatcher } from '../../lib/rpc/dispatcher.js';
import type { MethodDefinition } from '../../lib/rpc/method-definition.js';
import type { PayloadCodec } from '../../lib/rpc/payload-codec.js';
import { serve } from '../../lib/rpc/serve.js';
import { ServiceRegistry } from '../../lib/rpc/service-registry.js';
import type { MethodKind } from '../../lib/spec/method.js';
import { MemoryPair } from '../support/memory-pair.js';
import { frames, parseTranscript } from '../support/transcript.js';

/** Messages are their own payload, as hex; `ff` anywhere in it is what does not decode. */
const codec: PayloadCodec<string> = {
  write(message, target) {
    if (message.includes('!')) throw new Error('bad message');
    target.append(Buffer.from(message, 'hex'));
  },
  read(bytes, start, end) {
    const text = bytes.toString('hex', start, end);
    if (text.includes('ff')) throw new Error('bad bytes');
    return text;
  },
};

/** A method `S/name` whose messages are hex texts. */
function method(name: string, kind: MethodKind): MethodDefinition<string, string> {
  return { service: 'S', name, kind, request: codec, response: codec };
}

/** One side of a conversation, whose other side is the transcript. */
interface Side {
  readonly pair: MemoryPair;
  readonly role: 'client' | 'server';
}

/**
 * Plays a transcript: what the far side says is heard by ours, and ours says exactly what is
 * written, no more and no less, before the far side speaks again.
 */
export async function converse({ pair, role }: Side, transcript: string): Promise<void> {
  const end = pair[role];
  let expected: Buffer[] = [];
  const check = async (): Promise<void> => {
    await pair.settled();
    expect(frames(end.takeSent())).toEqual(frames(Buffer.concat(expected)));
    expected = [];
  };
  let farSpeaks = false;
  for (const { from, bytes } of parseTranscript(transcript)) {
    if (from === role) expected.push(bytes);
    else {
      if (!farSpeaks) await check();
      end.receive(bytes);
    }
    farSpeaks = from !== role;
  }
  await check();
}

/** A server of the service `S` with these handlers, by `name kind`. */
export function server(
  handlers: Readonly<Record<string, Handler>>,
  options: ConnectionOptions = {},
): Side & { readonly connection: ServerConnection } {
  const registry = new ServiceRegistry();
  for (const [title, handler] of Object.entries(handlers)) {
    const [name, kind] = title.split(' ') as [string, MethodKind];
    const definition = method(name, kind) as MethodDefinition;
    registry.add(definition, serve(definition, handler));
  }
  const pair = new MemoryPair();
  const peer = { address: 'memory:', attachment: undefined };
  const settings = { exposeErrorMessages: false, onHandlerError: undefined };
  const connection = new ServerConnection(
    { sink: pair.server, address: 'memory:', options: resolveConnectionOptions(options) },
    new Dispatcher(registry, peer, settings),
  );
  pair.server.peer = connection;
  return { pair, role: 'server', connection };
}

/** What a call has brought so far: messages, then `ok` or the error. */
export interface Outcome {
  readonly events: string[];
  error: Error | undefined;
}

/** A client that makes calls of the service `S`. */
export class TestClient implements Side {
  readonly role = 'client';
  readonly pair = new MemoryPair();
  readonly connection: ClientConnection;

  constructor(options: ConnectionOptions = {}) {
    const resolved = resolveConnectionOptions(options);
    this.connection = new ClientConnection({
      sink: this.pair.client,
      address: 'memory:',
      options: resolved,
    });
    this.pair.client.peer = this.connection;
  }

  unary(name: string, request: string, options: CallOptions = {}): Outcome {
    const outcome: Outcome = { events: [], error: undefined };
    const start = {
      options,
      resolve: (response: string) => outcome.events.push(`message ${response}`.trimEnd(), 'ok'),
      reject: (error: TtrpcError) => failed(outcome, error),
    };
    const call = new UnaryClientCall(method(name, 'unary'), request, start, Infinity);
    call.watch();
    if (call.pending) call.start(this.connection);
    return outcome;
  }

  stream(
    name: string,
    kind: Exclude<MethodKind, 'unary'>,
    start: { request?: string; options?: CallOptions } = {},
  ): { outcome: Outcome; call: StreamClientCall<string, string> } {
    const outcome: Outcome = { events: [], error: undefined };
    const call = new StreamClientCall(method(name, kind), {
      options: start.options ?? {},
      defaultTimeoutMs: Infinity,
      ...(start.request === undefined ? {} : { request: start.request }),
      listener: {
        onMessage: (message) => void outcome.events.push(`message ${message}`.trimEnd()),
        onEnd: () => void outcome.events.push('ok'),
        onError: (error) => failed(outcome, error),
        onDrain: () => {},
      },
    });
    call.watch();
    if (call.pending) call.start(this.connection);
    return { outcome, call };
  }
}

function failed(outcome: Outcome, error: Error): void {
  outcome.error = error;
  outcome.events.push(error.message);
}
