import type { Duplex } from 'node:stream';
import { ConnectionError, isTtrpcError, type TtrpcError } from '../errors.js';
import { ClientConnection } from '../protocol/client-connection.js';
import { CallQueue } from '../rpc/call-queue.js';
import type { CallOptions } from '../rpc/call.js';
import { UnaryClientCall, type UnaryStart } from '../rpc/client-call.js';
import { StreamClientCall, type StreamCallSettings } from '../rpc/client-stream-call.js';
import { Caller } from '../rpc/caller.js';
import type { MethodDefinition } from '../rpc/method-definition.js';
import type { CallStarter, StartableCall } from '../rpc/response-stream.js';
import { attach } from '../transport/attach.js';
import {
  resolveClientOptions,
  type ClientOptions,
  type ResolvedClientOptions,
} from './client-options.js';

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
  #connection: ClientConnection | undefined;
  #connecting: Promise<ClientConnection> | undefined;
  #abortDial = new AbortController();
  #closed: Promise<void> | undefined;
  /** Connections that are not gone yet; more than one only while an exhausted one runs dry. */
  readonly #live = new Map<ClientConnection, () => void>();
  #awaitsDrain = false;

  /** @throws TypeError or RangeError naming the option, what it got and what is allowed */
  constructor(options: ClientOptions) {
    this.#options = resolveClientOptions(options);
    this.#caller = new Caller(this, this.#options.interceptors);
    this.#queue = new CallQueue(this.#options.connection.maxSendBufferBytes);
  }

  /** The server's address. */
  get address(): string {
    return this.#options.address;
  }

  /** Whether there is a connection at the moment. */
  get connected(): boolean {
    return this.#connection !== undefined && !this.#connection.closed;
  }

  /** Sends one request for one response. Rejects with a `TtrpcError`. */
  unary<Request, Response>(
    method: MethodDefinition<Request, Response>,
    request: Request,
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
    request: Request,
    options: CallOptions = NO_OPTIONS,
  ): AsyncIterable<Response> {
    return this.#caller.serverStreaming(method, request, options);
  }

  /** Sends a stream of requests, as fast as the server takes them, for one response. */
  clientStreaming<Request, Response>(
    method: MethodDefinition<Request, Response>,
    requests: AsyncIterable<Request> | Iterable<Request>,
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
    requests: AsyncIterable<Request> | Iterable<Request>,
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
   * Connects now, instead of with the first call.
   *
   * @throws ConnectionError when the server can't be reached
   */
  async connect(): Promise<void> {
    if (this.#closed !== undefined) throw this.#closedError();
    if (!this.connected) await this.#connect();
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
    if (this.#closed !== undefined) return call.fail(this.#closedError());
    const connection = this.#connection;
    if (connection !== undefined && this.#queue.size === 0 && takes(connection)) {
      return call.start(connection);
    }
    this.#queue.add(call);
    if (call.pending) this.#serveQueue();
  }

  /** Starts what waits, or sees to it that it is started later. */
  #serveQueue(): void {
    const connection = this.#connection;
    if (connection === undefined || connection.closed || connection.exhausted) {
      this.#connect().catch(nothingMore);
      return;
    }
    this.#queue.startOn(connection);
    if (this.#queue.size === 0 || this.#awaitsDrain) return;
    if (!connection.congested) return this.#serveQueue();
    this.#awaitsDrain = true;
    connection.waitForDrain({
      onDrain: () => {
        this.#awaitsDrain = false;
        this.#serveQueue();
      },
    });
  }

  #connect(): Promise<ClientConnection> {
    this.#connecting ??= this.#dial();
    return this.#connecting;
  }

  async #dial(): Promise<ClientConnection> {
    let connection: ClientConnection;
    try {
      connection = this.#attach(await this.#openStream());
    } catch (error) {
      const failure = this.#dialError(error);
      // First, so that a call which is made again on hearing of it dials again.
      this.#connecting = undefined;
      this.#queue.failAll(() => copyOf(failure));
      throw failure;
    }
    this.#connecting = undefined;
    this.#options.onConnect();
    this.#serveQueue();
    return connection;
  }

  /** Asynchronous whatever the dialer is, so that `#connecting` is set before it is unset. */
  async #openStream(): Promise<Duplex> {
    return this.#options.dial(this.#abortDial.signal);
  }

  #attach(socket: Duplex): ClientConnection {
    if (this.#closed !== undefined) {
      socket.destroy();
      throw this.#closedError();
    }
    const { address, connection: options } = this.#options;
    let made: ClientConnection | undefined;
    attach(socket, (sink) => {
      const onClosed = (error: ConnectionError): void => this.#onClosed(connection, error);
      const connection = new ClientConnection({ sink, address, options, onClosed });
      made = connection;
      return connection;
    });
    const connection = made as unknown as ClientConnection;
    this.#connection?.retire();
    this.#connection = connection;
    // Whoever waited for the one before does not wait for this one.
    this.#awaitsDrain = false;
    this.#live.set(connection, () => undefined);
    return connection;
  }

  #onClosed(connection: ClientConnection, error: ConnectionError): void {
    this.#live.get(connection)?.();
    this.#live.delete(connection);
    if (this.#connection === connection) {
      this.#connection = undefined;
      // What was never written is not lost with the connection.
      if (this.#queue.size > 0 && this.#closed === undefined) this.#serveQueue();
    }
    this.#options.onClose(error);
  }

  async #close(): Promise<void> {
    // First `#closed`, so that whoever hears of it can't make another call.
    await Promise.resolve();
    this.#abortDial.abort();
    this.#queue.failAll(() => this.#closedError());
    const gone = [...this.#live.keys()].map(
      (connection) =>
        new Promise<void>((resolve) => {
          this.#live.set(connection, resolve);
          connection.close();
        }),
    );
    await Promise.all(gone);
  }

  #closedError(): ConnectionError {
    const { address } = this;
    return new ConnectionError(`client is closed (${address})`, { reason: 'local', address });
  }

  #dialError(error: unknown): TtrpcError {
    if (this.#closed !== undefined) return this.#closedError();
    if (isTtrpcError(error)) return error;
    const { address } = this;
    const why = error instanceof Error ? error.message : String(error);
    const facts = { reason: 'dial', address, cause: error } as const;
    return new ConnectionError(`cannot connect to ${address}: ${why}`, facts);
  }
}

/** What {@link TtrpcClient.startStream} calls. */
export type StreamStart<Request, Response> = Omit<
  StreamCallSettings<Request, Response>,
  'defaultTimeoutMs' | 'options'
> & { readonly options?: CallOptions | undefined };

function takes(connection: ClientConnection): boolean {
  return !connection.congested && !connection.closed && !connection.exhausted;
}

/** Each call has an error of its own, whose stack nobody else changes. */
function copyOf(error: TtrpcError): TtrpcError {
  if (!(error instanceof ConnectionError)) return error;
  const { reason, address, cause } = error;
  return new ConnectionError(error.details, { reason, address, cause });
}

function nothingMore(): void {
  // The calls that waited have had their error.
}
