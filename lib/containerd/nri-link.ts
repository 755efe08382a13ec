import type { Duplex } from 'node:stream';
import { Backoff, resolveReconnect, type ReconnectOptions } from '../engine/backoff.js';
import { positive } from '../engine/client-options.js';
import type { Dialer } from '../engine/dialer.js';
import { ConnectionError, UsageError } from '../errors.js';
import type { CallOptions } from '../rpc/call.js';
import { formatAddress, parseAddress, type Address } from '../transport/address.js';
import { dial } from '../transport/dial.js';
import { guard } from '../transport/guard.js';
import type { Acceptor } from '../transport/listener.js';
import { NRI_PLUGIN_CONNECTION, NRI_RUNTIME_CONNECTION, NriMux } from './nri-mux.js';

/** What may be said about a link. Only the address has no default. */
export interface NriLinkOptions {
  /** Where the runtime is: what `nriIdentity` gives. `fd:3` gives one connection. */
  readonly address: string;
  /**
   * How long connecting and registering may take, each, in milliseconds.
   * @defaultValue 5000: so long runtimes wait for the registration
   */
  readonly registrationTimeoutMs?: number | undefined;
  /** How long to leave the runtime alone after a connection that failed or did not last. */
  readonly reconnect?: ReconnectOptions | undefined;
  /** The runtime has taken the registration. */
  readonly onRegistered?: (() => void) | undefined;
  /** There is no connection, or no more; what failed, unless it ended in order. */
  readonly onLost?: ((error: Error | undefined) => void) | undefined;
}

/** Registers the plugin by a call with these options: a deadline, and to wait until it can be made. */
export type NriRegister = (options: CallOptions) => Promise<unknown>;

const REGISTRATION_TIMEOUT_MS = 5000;

/**
 * Keeps an NRI plugin registered with its runtime.
 *
 * Each connection has two sides: the plugin's server takes the runtime's calls through `listen`, its
 * client calls the runtime through `dial`. The server is there before the plugin registers, since the
 * runtime may configure it before it answers. When the connection is lost (the runtime restarts, or
 * has thrown the plugin out for a late answer), the next one is made and the plugin registers again.
 *
 * @example
 * ```ts
 * const { address, ...identity } = nriIdentity({ name: 'env', index: '10' });
 * const link = new NriLink({ address });
 * const server = new TtrpcServer();
 * server.addService(catalog.service('nri.pkg.api.v1alpha1.Plugin'), {
 *   Configure: () => ({ events: nriEventMask('CreateContainer') }),
 * });
 * await server.listen(link.listen);
 * const runtime = new TtrpcClient({ dial: link.dial });
 * const register = catalog.method('nri.pkg.api.v1alpha1.Runtime', 'RegisterPlugin');
 * await link.run((options) => runtime.unary(register, identity, options));
 * ```
 */
export class NriLink {
  readonly #address: Address;
  readonly #timeoutMs: number;
  readonly #backoff: Backoff;
  /** A connection that lasts so long has proved itself. */
  readonly #longMs: number;
  readonly #options: NriLinkOptions;
  readonly #ended = new AbortController();
  #running = false;
  #mux: NriMux | undefined;
  #accept: ((stream: Duplex) => void) | undefined;
  /** The current connection's side for calls to the runtime, until the client takes it. */
  #runtime: Duplex | undefined;
  /** Clients that wait for one. */
  readonly #waiting = new Set<Waiter>();

  /** @throws TypeError or RangeError naming the option, what it got and what is allowed */
  constructor(options: NriLinkOptions) {
    this.#options = options;
    this.#address = parseAddress(options.address);
    const { registrationTimeoutMs = REGISTRATION_TIMEOUT_MS } = options;
    this.#timeoutMs = positive('registrationTimeoutMs', registrationTimeoutMs);
    const reconnect = resolveReconnect(options.reconnect);
    this.#longMs = reconnect.maxMs;
    this.#backoff = new Backoff(reconnect);
  }

  /** For the plugin's server: what `TtrpcServer.listen` takes, and the option `listen` of `ServerTtrpc`. */
  readonly listen: Acceptor = (onStream) => {
    if (this.#accept !== undefined) throw new UsageError('a server listens to this link already');
    this.#accept = onStream;
    const close = (): Promise<void> => {
      this.close();
      return Promise.resolve();
    };
    return { address: formatAddress(this.#address), close };
  };

  /** For the client of the runtime, which waits for a connection: the option `dial`. */
  readonly dial: Dialer = (signal) =>
    new Promise((resolve, reject) => {
      const waiter = { take: resolve, refuse: () => reject(this.#unreachable()) };
      if (signal.aborted || this.#ended.signal.aborted) return waiter.refuse();
      this.#waiting.add(waiter);
      signal.addEventListener('abort', () => {
        if (this.#waiting.delete(waiter)) waiter.refuse();
      });
      this.#handOver();
    });

  /**
   * Connects and registers, again and again; by an `fd:` once.
   *
   * @param register - called on each connection
   * @returns resolves behind {@link close}, and behind the end of the server that listens
   * @throws UsageError when no server listens, or it was called before
   * @throws Error what ended the connection of an `fd:`, unless it ended in order
   */
  async run(register: NriRegister): Promise<void> {
    if (this.#accept === undefined) throw new UsageError('no server listens to this link');
    if (this.#running) throw new UsageError('this link was run before');
    this.#running = true;
    const { signal } = this.#ended;
    while (!signal.aborted) {
      const error = await this.#connect(register);
      const told = signal.aborted ? undefined : error;
      this.#options.onLost?.(told);
      if (this.#address.kind !== 'fd') {
        await this.#rest();
        continue;
      }
      this.close();
      if (told !== undefined) throw told;
    }
  }

  /** Ends the connection, and makes no other. */
  close(): void {
    this.#ended.abort();
    this.#hangUp();
    for (const waiter of this.#waiting) waiter.refuse();
    this.#waiting.clear();
  }

  /** One connection, from its beginning to its end; gives what failed. */
  async #connect(register: NriRegister): Promise<Error | undefined> {
    const { signal } = this.#ended;
    let registeredAt = Infinity;
    try {
      const stream = await dial(this.#address, { timeoutMs: this.#timeoutMs, signal });
      const end = this.#open(stream);
      const options = { timeoutMs: this.#timeoutMs, waitForReady: true };
      const registered = register(options).then(() => true);
      if (await Promise.race([registered, end.then(() => false)])) {
        registeredAt = performance.now();
        this.#options.onRegistered?.();
      }
      return await end;
    } catch (error) {
      return error as Error;
    } finally {
      this.#hangUp();
      if (performance.now() - registeredAt >= this.#longMs) this.#backoff.reset();
      else this.#backoff.failed();
    }
  }

  /** Begins a connection; gives what ended it. */
  #open(stream: Duplex): Promise<Error | undefined> {
    return new Promise((resolve) => {
      const mux = new NriMux(stream, { onClose: resolve });
      this.#mux = mux;
      const plugin = mux.open(NRI_PLUGIN_CONNECTION);
      this.#runtime = mux.open(NRI_RUNTIME_CONNECTION);
      // Nobody tells the runtime that one side is gone: it would wait for it.
      for (const side of [plugin, this.#runtime]) side.once('close', () => mux.close());
      if (this.#ended.signal.aborted) return mux.close();
      this.#accept?.(plugin);
      this.#handOver();
    });
  }

  /** Gives the connection to a client that waits. */
  #handOver(): void {
    const [waiter] = this.#waiting;
    const stream = this.#runtime;
    if (waiter === undefined || stream === undefined) return;
    this.#waiting.delete(waiter);
    this.#runtime = undefined;
    waiter.take(stream);
  }

  #hangUp(): void {
    this.#mux?.close();
    this.#mux = undefined;
    this.#runtime = undefined;
  }

  /** Until the runtime may be tried again, or nobody wants to any more. */
  async #rest(): Promise<void> {
    const { leftMs: timeoutMs } = this.#backoff;
    if (timeoutMs <= 0) return;
    const { signal } = this.#ended;
    await new Promise<void>((resolve) => guard({ timeoutMs, signal }, () => resolve()));
  }

  #unreachable(): ConnectionError {
    const address = formatAddress(this.#address);
    const text = `no NRI connection to ${address}`;
    return new ConnectionError(text, { reason: 'dial', address });
  }
}

/** A client that waits for a connection. */
interface Waiter {
  take(stream: Duplex): void;
  refuse(): void;
}
