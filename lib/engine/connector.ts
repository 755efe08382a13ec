import type { Duplex } from 'node:stream';
import { ConnectionError, isTtrpcError, type TtrpcError } from '../errors.js';
import { ClientConnection } from '../protocol/client-connection.js';
import { LimitCounters } from '../protocol/limit-counters.js';
import { attach } from '../transport/attach.js';
import { Backoff } from './backoff.js';
import type { ClientState, ResolvedClientOptions } from './client-options.js';
import { statsOf, type TtrpcStats } from './stats.js';

/** Who has calls to make; told of what becomes of the connection that they need. */
export interface ConnectorOwner {
  /** There is a connection, or there is none any more: calls that wait may be served. */
  onChange(): void;
  /** It could not be made. */
  onFailure(error: TtrpcError): void;
}

/**
 * Makes a client's connection, makes it again when it is gone, and closes what it has made.
 *
 * Lazy, as gRPC's channels are: nothing is dialed that nobody {@link want}s, and after a failure not
 * before the {@link Backoff} is over, unless somebody asks for it by {@link connect}.
 */
export class Connector {
  readonly #options: ResolvedClientOptions;
  readonly #owner: ConnectorOwner;
  #connection: ClientConnection | undefined;
  #connecting: Promise<void> | undefined;
  readonly #backoff: Backoff;
  /** Why there is no connection; absent once there is one. */
  #failure: TtrpcError | undefined;
  /** Waits for the end of the backoff, as long as somebody wants a connection. */
  #retry: NodeJS.Timeout | undefined;
  #state: ClientState = 'idle';
  readonly #abortDial = new AbortController();
  #closed = false;
  /** What peers and callers have reached, over all of its connections. */
  readonly counters = new LimitCounters();
  /** Connections that are not gone yet; more than one only while an exhausted one runs dry. */
  readonly #live = new Map<ClientConnection, () => void>();

  constructor(options: ResolvedClientOptions, owner: ConnectorOwner) {
    this.#options = options;
    this.#owner = owner;
    this.#backoff = new Backoff(options.reconnect);
  }

  get state(): ClientState {
    return this.#state;
  }

  /** The connection that takes new calls, if there is one; it may be congested. */
  get connection(): ClientConnection | undefined {
    const connection = this.#connection;
    if (connection === undefined || connection.closed || connection.exhausted) return undefined;
    return connection;
  }

  /** Its connections, and what their peers have reached. */
  stats(): TtrpcStats {
    return statsOf(this.#live.keys(), this.counters);
  }

  /** Whether there is a connection at the moment. */
  get connected(): boolean {
    return this.#connection !== undefined && !this.#connection.closed;
  }

  /** Connects now, backoff or not; who asks while that is under way waits for the same. */
  connect(): Promise<void> {
    this.#connecting ??= this.#dial();
    return this.#connecting;
  }

  /** Connects now, or as soon as the backoff is over; the owner hears of it. */
  want(): void {
    if (this.#connecting !== undefined || this.#retry !== undefined) return;
    const { leftMs } = this.#backoff;
    if (leftMs > 0) this.#retry = setTimeout(() => this.#dialUnasked(), Math.ceil(leftMs));
    else this.#dialUnasked();
  }

  /** Nobody waits for a connection any more; one that is being made is made nevertheless. */
  unwant(): void {
    clearTimeout(this.#retry);
    this.#retry = undefined;
  }

  /** What to tell a call that would have to wait for the end of the backoff; absent: it may wait. */
  refusal(): ConnectionError | undefined {
    const failure = this.#failure;
    if (failure === undefined || this.#connecting !== undefined) return undefined;
    const { leftMs } = this.#backoff;
    if (leftMs <= 0) return undefined;
    const { address } = this.#options;
    const cause = failure instanceof ConnectionError ? failure.cause : failure;
    const due = `the next attempt is due in ${Math.ceil(leftMs)} ms`;
    return new ConnectionError(`${failure.details}; ${due}`, { reason: 'dial', address, cause });
  }

  /** From now on there is no connection any more, and none is made. Resolves when all are gone. */
  async close(): Promise<void> {
    this.#closed = true;
    this.unwant();
    this.#become('closed');
    this.#abortDial.abort();
    const gone = [...this.#live.keys()].map(
      (connection) =>
        new Promise<void>((resolve) => {
          this.#live.set(connection, resolve);
          connection.close();
        }),
    );
    await Promise.all(gone);
  }

  /** The error of whoever asks a closed client. */
  closedError(): ConnectionError {
    const { address } = this.#options;
    return new ConnectionError(`client is closed (${address})`, { reason: 'local', address });
  }

  #dialUnasked(): void {
    this.connect().catch(nothingMore);
  }

  async #dial(): Promise<void> {
    this.unwant();
    this.#become('connecting');
    try {
      this.#attach(await this.#openStream());
    } catch (error) {
      const failure = this.#dialError(error);
      // First, so that whoever hears of it finds no dial under way.
      this.#connecting = undefined;
      this.#failure = failure;
      this.#backoff.failed();
      this.#become('failed');
      this.#owner.onFailure(failure);
      throw failure;
    }
    this.#connecting = undefined;
    this.#failure = undefined;
    this.#backoff.reset();
    this.#become('connected');
    this.#options.onConnect();
    this.#owner.onChange();
  }

  /** Asynchronous whatever the dialer is, so that `#connecting` is set before it is unset. */
  async #openStream(): Promise<Duplex> {
    return this.#options.dial(this.#abortDial.signal);
  }

  #attach(socket: Duplex): void {
    if (this.#closed) {
      socket.destroy();
      throw this.closedError();
    }
    const { address, connection: options } = this.#options;
    let made: ClientConnection | undefined;
    attach(socket, (sink) => {
      const onClosed = (error: ConnectionError): void => this.#onClosed(connection, error);
      const setup = { sink, address, options, counters: this.counters, onClosed };
      const connection = new ClientConnection(setup);
      made = connection;
      return connection;
    });
    const connection = made as unknown as ClientConnection;
    this.#connection?.retire();
    this.#connection = connection;
    this.#live.set(connection, () => undefined);
  }

  #onClosed(connection: ClientConnection, error: ConnectionError): void {
    this.#live.get(connection)?.();
    this.#live.delete(connection);
    if (this.#connection === connection) {
      this.#connection = undefined;
      if (this.#connecting === undefined) this.#become('idle');
      // What was never written is not lost with the connection.
      if (!this.#closed) this.#owner.onChange();
    }
    this.#options.onClose(error);
  }

  #become(state: ClientState): void {
    if (this.#state === state || this.#state === 'closed') return;
    this.#state = state;
    this.#options.onStateChange(state);
  }

  #dialError(error: unknown): TtrpcError {
    if (this.#closed) return this.closedError();
    if (isTtrpcError(error)) return error;
    const { address } = this.#options;
    const why = error instanceof Error ? error.message : String(error);
    const facts = { reason: 'dial', address, cause: error } as const;
    return new ConnectionError(`cannot connect to ${address}: ${why}`, facts);
  }
}

function nothingMore(): void {
  // The calls that waited have had their error.
}
