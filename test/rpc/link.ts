import { ClientConnection } from '../../lib/protocol/client-connection.js';
import {
  resolveConnectionOptions,
  type ConnectionOptions,
} from '../../lib/protocol/connection-options.js';
import { ServerConnection } from '../../lib/protocol/server-connection.js';
import type { CallContext } from '../../lib/rpc/call.js';
import { Caller } from '../../lib/rpc/caller.js';
import { Dispatcher } from '../../lib/rpc/dispatcher.js';
import { interceptHandler } from '../../lib/rpc/intercept-handler.js';
import type { ClientInterceptor, ServerInterceptor } from '../../lib/rpc/interceptor.js';
import type { MethodDefinition } from '../../lib/rpc/method-definition.js';
import type { CallStarter, StartableCall } from '../../lib/rpc/response-stream.js';
import { serve } from '../../lib/rpc/serve.js';
import type { RawHandler } from '../../lib/rpc/server-call.js';
import { ServiceRegistry } from '../../lib/rpc/service-registry.js';
import { MemoryPair } from '../support/memory-pair.js';
import { SERVICE, type TextHandlers } from './text-service.js';

/** How a {@link Link} differs from the ordinary. */
export interface LinkSetup {
  readonly client?: ConnectionOptions;
  readonly server?: ConnectionOptions;
  readonly clientInterceptors?: readonly ClientInterceptor[];
  readonly serverInterceptors?: readonly ServerInterceptor[];
  readonly timeoutMs?: number;
  readonly exposeErrorMessages?: boolean;
  readonly onHandlerError?: (error: unknown, context: CallContext) => void;
}

/** A caller and a dispatcher, joined in memory. */
export class Link implements CallStarter {
  readonly pair = new MemoryPair();
  readonly client: ClientConnection;
  readonly server: ServerConnection;
  readonly caller: Caller;
  readonly defaultTimeoutMs: number;
  readonly maxStreamBufferBytes: number;
  readonly stallTimeoutMs: number;
  readonly #registry = new ServiceRegistry();

  constructor(handlers: TextHandlers, setup: LinkSetup = {}) {
    const options = resolveConnectionOptions(setup.client);
    this.defaultTimeoutMs = setup.timeoutMs ?? Infinity;
    this.maxStreamBufferBytes = options.maxStreamBufferBytes;
    this.stallTimeoutMs = options.stallTimeoutMs;
    this.client = new ClientConnection({ sink: this.pair.client, address: 'server', options });
    this.pair.client.peer = this.client;
    const peer = { address: 'client', attachment: 'badge' };
    const settings = {
      exposeErrorMessages: setup.exposeErrorMessages ?? false,
      onHandlerError: setup.onHandlerError,
    };
    this.server = new ServerConnection(
      {
        sink: this.pair.server,
        address: peer.address,
        options: resolveConnectionOptions(setup.server),
      },
      new Dispatcher(this.#registry, peer, settings),
    );
    this.pair.server.peer = this.server;
    this.caller = new Caller(this, setup.clientInterceptors ?? []);
    for (const method of SERVICE.methods) {
      const handler = handlers[method.name as keyof TextHandlers];
      if (handler === undefined) continue;
      const intercepted = interceptHandler(method, handler, setup.serverInterceptors ?? []);
      this.#registry.add(method, serve(method, intercepted));
    }
  }

  /** Serves a method on the lowest level. */
  add<Request, Response>(
    method: MethodDefinition<Request, Response>,
    handler: RawHandler<Request, Response>,
  ): void {
    this.#registry.add(method, handler as unknown as RawHandler);
  }

  start(call: StartableCall): void {
    call.watch();
    if (call.pending) call.start(this.client);
  }

  /** Moves bytes until `promise` has its result. */
  async result<T>(promise: Promise<T>): Promise<T> {
    const state = { settled: false };
    const watch = (): void => void (state.settled = true);
    promise.then(watch, watch);
    for (let turns = 0; !state.settled && turns < 10_000; turns++) await this.pair.settled();
    if (!state.settled) throw new Error('the call never ended');
    return promise;
  }

  /** What `promise` is rejected with. */
  async failure(promise: Promise<unknown>): Promise<unknown> {
    return this.result(
      promise.then(
        (value) => {
          throw new Error(`it was expected to fail, and gave ${String(value)}`);
        },
        (error: unknown) => error,
      ),
    );
  }

  /** What each of the promises is rejected with. */
  failures(promises: readonly Promise<unknown>[]): Promise<unknown[]> {
    return Promise.all(promises.map((promise) => this.failure(promise)));
  }

  /** Frames that left the client since the last time, as `stream type/flags payload`. */
  sentByClient(): string[] {
    return frames(this.pair.client.takeSent());
  }

  /** Frames that left the server since the last time. */
  sentByServer(): string[] {
    return frames(this.pair.server.takeSent());
  }
}

/** What bytes say, read by hand. Payloads of requests and responses are left out. */
function frames(bytes: Buffer): string[] {
  const found: string[] = [];
  for (let at = 0; at < bytes.length;) {
    const length = bytes.readUInt32BE(at);
    const type = bytes.readUInt8(at + 8);
    const payload = type === 3 ? ` ${bytes.toString('utf8', at + 10, at + 10 + length)}` : '';
    found.push(`${bytes.readUInt32BE(at + 4)} ${type}/${bytes.readUInt8(at + 9)}${payload}`);
    at += 10 + length;
  }
  return found.map((frame) => frame.trimEnd());
}
