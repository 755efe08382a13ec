import type { Duplex } from 'node:stream';
import { ConnectionError, isTtrpcError, type TtrpcError } from '../errors.js';
import { ClientConnection } from '../protocol/client-connection.js';
import { attach } from '../transport/attach.js';
import type { ResolvedClientOptions } from './client-options.js';

/** Who has calls to make; told of what becomes of the connection that they need. */
export interface ConnectorOwner {
  /** There is a connection, or there is none any more: calls that wait may be served. */
  onChange(): void;
  /** It could not be made. */
  onFailure(error: TtrpcError): void;
}

/** Makes a client's connection, makes it again when it is gone, and closes what it has made. */
export class Connector {
  readonly #options: ResolvedClientOptions;
  readonly #owner: ConnectorOwner;
  #connection: ClientConnection | undefined;
  #connecting: Promise<void> | undefined;
  readonly #abortDial = new AbortController();
  #closed = false;
  /** Connections that are not gone yet; more than one only while an exhausted one runs dry. */
  readonly #live = new Map<ClientConnection, () => void>();

  constructor(options: ResolvedClientOptions, owner: ConnectorOwner) {
    this.#options = options;
    this.#owner = owner;
  }

  /** The connection that takes new calls, if there is one; it may be congested. */
  get connection(): ClientConnection | undefined {
    const connection = this.#connection;
    if (connection === undefined || connection.closed || connection.exhausted) return undefined;
    return connection;
  }

  /** Whether there is a connection at the moment. */
  get connected(): boolean {
    return this.#connection !== undefined && !this.#connection.closed;
  }

  /** Connects now; who asks while that is under way waits for the same. */
  connect(): Promise<void> {
    this.#connecting ??= this.#dial();
    return this.#connecting;
  }

  /** Sees to it that there will be a connection, or a failure. */
  want(): void {
    this.connect().catch(nothingMore);
  }

  /** From now on there is no connection any more, and none is made. Resolves when all are gone. */
  async close(): Promise<void> {
    this.#closed = true;
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

  async #dial(): Promise<void> {
    try {
      this.#attach(await this.#openStream());
    } catch (error) {
      const failure = this.#dialError(error);
      // First, so that a call which is made again on hearing of it finds no dial under way.
      this.#connecting = undefined;
      this.#owner.onFailure(failure);
      throw failure;
    }
    this.#connecting = undefined;
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
      const connection = new ClientConnection({ sink, address, options, onClosed });
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
      // What was never written is not lost with the connection.
      if (!this.#closed) this.#owner.onChange();
    }
    this.#options.onClose(error);
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
