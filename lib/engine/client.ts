import { ConnectionError, type TtrpcError } from '../errors.js';
import type { ClientConnection } from '../protocol/client-connection.js';
import { CallQueue } from '../rpc/call-queue.js';
import type { CallOptions } from '../rpc/call.js';
import { UnaryClientCall, type QueuedCall, type UnaryStart } from '../rpc/client-call.js';
import { StreamClientCall, type StreamCallSettings } from '../rpc/client-stream-call.js';
import { Caller } from '../rpc/caller.js';
import type { MethodDefinition } from '../rpc/method-definition.js';
import type { CallStarter, StartableCall } from '../rpc/response-stream.js';
import {
  resolveClientOptions,
  type ClientOptions,
  type ClientState,
  type ResolvedClientOptions,
} from './client-options.js';
import { Connector } from './connector.js';
import type { TtrpcStats } from './stats.js';

const NO_OPTIONS: CallOptions = Object.freeze({});

/**
 * Calls the methods of a server over one connection, which is made when the first call needs it
 * and made again when a call finds it gone.
 *
 * @example
 * ```ts
 * const client = new TtrpcClient({ address: 'unix:///run/hero.sock' });
 * const findOne = catalog.method('hero.HeroService', 'FindOne');
 * const hero = await client.unary(findOne, { id: 1 }, { timeoutMs: 500 });
 * await client.close();
 * ```
 */
export class TtrpcClient implements CallStarter {
  readonly #options: ResolvedClientOptions;
  readonly #caller: Caller;
  readonly #queue: CallQueue;
  readonly #connector: Connector;
  #closed: Promise<void> | undefined;
  /** The connection that will say when it takes bytes again, for the calls that wait. */
  #awaitsDrainOf: ClientConnection | undefined;

  /** @throws TypeError or RangeError naming the option, what it got and what is allowed */
  constructor(options: ClientOptions) {
    this.#options = resolveClientOptions(options);
    this.#caller = new Caller(this, this.#options.interceptors);
    const connector = new Connector(this.#options, {
      onChange: () => this.#serveQueue(),
      onFailure: (error) => this.#onFailure(error),
    });
    this.#connector = connector;
    const { maxSendBufferBytes } = this.#options.connection;
    this.#queue = new CallQueue(maxSendBufferBytes, connector.counters, () => connector.unwant());
    if (this.#options.dialsAtOnce) this.#connector.want();
  }

  /** The server's address. */
  get address(): string {
    return this.#options.address;
  }

  /** What becomes of the connection; `onStateChange` tells it, too. */
  get state(): ClientState {
    return this.#connector.state;
  }

  /** What it has at the moment, and how often the server has reached a bound. */
  stats(): TtrpcStats {
    return this.#connector.stats();
  }

  /** Whether there is a connection at the moment. */
  get connected(): boolean {
    return this.#connector.connected;
  }

  /** Sends one request for one response. Rejects with a `TtrpcError`. */
  unary<Request, Response>(
    method: MethodDefinition<Request, Response>,
    request: NoInfer<Request>,
    options: CallOptions = NO_OPTIONS,
  ): Promise<Response> {
    return this.#caller.unary(method, request, options);
  }

  /**
   * Sends one request for a stream of responses. The call is made when the loop over them begins,
   * and cancelled when it is left; it can be iterated once.
   */
  serverStreaming<Request, Response>(
    method: MethodDefinition<Request, Response>,
    request: NoInfer<Request>,
    options: CallOptions = NO_OPTIONS,
  ): AsyncIterable<Response> {
    return this.#caller.serverStreaming(method, request, options);
  }

  /** Sends a stream of requests, as fast as the server takes them, for one response. */
  clientStreaming<Request, Response>(
    method: MethodDefinition<Request, Response>,
    requests: AsyncIterable<NoInfer<Request>> | Iterable<NoInfer<Request>>,
    options: CallOptions = NO_OPTIONS,
  ): Promise<Response> {
    return this.#caller.clientStreaming(method, requests, options);
  }

  /**
   * Streams in both directions. The call is made when the loop over the responses begins, and
   * cancelled when it is left; it can be iterated once.
   */
  bidirectional<Request, Response>(
    method: MethodDefinition<Request, Response>,
    requests: AsyncIterable<NoInfer<Request>> | Iterable<NoInfer<Request>>,
    options: CallOptions = NO_OPTIONS,
  ): AsyncIterable<Response> {
    return this.#caller.bidirectional(method, requests, options);
  }

  /**
   * The unary call without promise and interceptors, for layers on top: exactly one of the two
   * functions is called, once.
   *
   * @returns the call, to `cancel()` it
   */
  startUnary<Request, Response>(
    method: MethodDefinition<Request, Response>,
    request: Request,
    start: UnaryStart<Response>,
  ): UnaryClientCall<Request, Response> {
    const call = new UnaryClientCall(method, request, start, this.defaultTimeoutMs);
    this.start(call);
    return call;
  }

  /** A streaming call without iterables and interceptors, for layers on top. */
  startStream<Request, Response>(
    method: MethodDefinition<Request, Response>,
    settings: StreamStart<Request, Response>,
  ): StreamClientCall<Request, Response> {
    const { options = NO_OPTIONS } = settings;
    const { defaultTimeoutMs } = this;
    const call = new StreamClientCall(method, { ...settings, options, defaultTimeoutMs });
    this.start(call);
    return call;
  }

  /**
   * Connects now, instead of with the first call or at the end of a backoff.
   *
   * @throws ConnectionError when the server can't be reached
   */
  async connect(): Promise<void> {
    if (this.#closed !== undefined) throw this.#connector.closedError();
    if (!this.connected) await this.#connector.connect();
  }

  /**
   * Closes the connection; what was written leaves first, calls in flight fail, and so does every
   * later call. Resolves when the socket is closed.
   */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  /** @internal */
  get defaultTimeoutMs(): number {
    return this.#options.timeoutMs;
  }

  /** @internal */
  get maxStreamBufferBytes(): number {
    return this.#options.connection.maxStreamBufferBytes;
  }

  /** @internal */
  get stallTimeoutMs(): number {
    return this.#options.connection.stallTimeoutMs;
  }

  /** @internal */
  start(call: StartableCall): void {
    call.watch();
    if (!call.pending) return;
    if (this.#closed !== undefined) return refuse(call, this.#connector.closedError());
    const { connection } = this.#connector;
    if (connection !== undefined && this.#queue.size === 0 && !connection.congested) {
      return call.start(connection);
    }
    const refusal = this.#waits(call) ? undefined : this.#connector.refusal();
    if (refusal !== undefined) return refuse(call, refusal);
    this.#queue.add(call);
    if (call.pending) this.#serveQueue();
  }

  #waits({ waitForReady }: QueuedCall): boolean {
    return !this.#options.dialsOnce && (waitForReady ?? this.#options.waitForReady);
  }

  #onFailure(error: TtrpcError): void {
    this.#queue.failAll(
      () => copyOf(error),
      (call) => !this.#waits(call),
    );
    this.#serveQueue();
  }

  /** Starts what waits, or sees to it that it is started later. */
  #serveQueue(): void {
    if (this.#queue.size === 0) return;
    const { connection } = this.#connector;
    if (connection === undefined) return this.#connector.want();
    this.#queue.startOn(connection);
    if (this.#queue.size === 0 || this.#awaitsDrainOf === connection) return;
    if (!connection.congested) return this.#serveQueue();
    this.#awaitsDrainOf = connection;
    connection.waitForDrain({
      onDrain: () => {
        this.#awaitsDrainOf = undefined;
        this.#serveQueue();
      },
    });
  }

  async #close(): Promise<void> {
    // First `#closed`, so that whoever hears of it can't make another call.
    await Promise.resolve();
    const closed = this.#connector.close();
    this.#queue.failAll(() => this.#connector.closedError());
    await closed;
  }
}

/** What {@link TtrpcClient.startStream} calls. */
export type StreamStart<Request, Response> = Omit<
  StreamCallSettings<Request, Response>,
  'defaultTimeoutMs' | 'options'
> & {
  /** What there is to say about the call. */
  readonly options?: CallOptions | undefined;
};

/** Not a test's, which may stand still. */
const { setImmediate } = globalThis;

/**
 * Ends a call in the next turn of the event loop: whoever makes it again on hearing of its end must
 * not keep the loop from turning, and with it the connection from being made.
 */
function refuse(call: StartableCall, error: TtrpcError): void {
  setImmediate(() => call.fail(error));
}

/** Each call has an error of its own, whose stack nobody else changes. */
function copyOf(error: TtrpcError): TtrpcError {
  if (!(error instanceof ConnectionError)) return error;
  const { reason, address, cause } = error;
  return new ConnectionError(error.details, { reason, address, cause });
}
