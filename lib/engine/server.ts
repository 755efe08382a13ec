import type { Duplex } from 'node:stream';
import { UsageError, type ConnectionError } from '../errors.js';
import { MAX_TIMER_MS } from '../protocol/connection-options.js';
import { LimitCounters } from '../protocol/limit-counters.js';
import { ServerConnection } from '../protocol/server-connection.js';
import type { Peer } from '../rpc/call.js';
import { Dispatcher } from '../rpc/dispatcher.js';
import type { MethodDefinition, ServiceDefinition } from '../rpc/method-definition.js';
import { interceptHandler } from '../rpc/intercept-handler.js';
import { serve } from '../rpc/serve.js';
import type { RawHandler } from '../rpc/server-call.js';
import { ServiceRegistry } from '../rpc/service-registry.js';
import { parseAddress } from '../transport/address.js';
import { attach } from '../transport/attach.js';
import { runHandshake } from '../transport/handshake.js';
import {
  listen,
  type Acceptor,
  type Listener,
  type ListenerOptions,
} from '../transport/listener.js';
import { peerAddress } from '../transport/peer-address.js';
import { peerCertificate } from '../transport/peer-certificate.js';
import { positive } from './client-options.js';
import { watchIdle } from './idle-watch.js';
import {
  listenerOptions,
  resolveServerOptions,
  type ResolvedServerOptions,
  type ServerOptions,
} from './server-options.js';
import { handlersOf, type ServiceImplementation } from './service-implementation.js';
import { statsOf, type TtrpcStats } from './stats.js';

/**
 * Serves services on any number of addresses and byte streams.
 *
 * @example
 * ```ts
 * const server = new TtrpcServer();
 * server.addService(catalog.service('hero.HeroService'), {
 *   findOne: async ({ id }: { id: number }, { signal }) => heroes.find(id, signal),
 * });
 * const address = await server.listen('unix:///run/hero.sock');
 * await server.shutdown({ graceMs: 5000 });
 * ```
 */
export class TtrpcServer {
  readonly #options: ResolvedServerOptions;
  readonly #registry = new ServiceRegistry();
  readonly #listeners = new Set<Listener>();
  readonly #connections = new Map<ServerConnection, Peer>();
  readonly #counters = new LimitCounters();
  /** Sockets whose handshake is under way. */
  readonly #fresh = new Set<Duplex>();
  #closing = false;
  #onEmpty: (() => void) | undefined;

  /** @throws RangeError or TypeError naming the option, what it got and what is allowed */
  constructor(options: ServerOptions = {}) {
    this.#options = resolveServerOptions(options);
  }

  /** Connections that are open. */
  get connections(): number {
    return this.#connections.size;
  }

  /** What it has at the moment, and how often peers have reached a bound. */
  stats(): TtrpcStats {
    return statsOf(this.#connections.keys(), this.#counters);
  }

  /**
   * Serves a service. Methods without a function are answered UNIMPLEMENTED.
   *
   * @throws DefinitionError when a function belongs to no method
   * @throws UsageError when a method is served already; none of this service's methods is then
   */
  addService<Service extends ServiceDefinition>(
    service: Service,
    implementation: ServiceImplementation<Service>,
  ): void {
    const { interceptors } = this.#options;
    const served = handlersOf(service, implementation as ServiceImplementation);
    this.#registry.addAll(
      served.map(([method, handler]) => [
        method,
        serve(method, interceptHandler(method, handler, interceptors)),
      ]),
    );
  }

  /** Serves one method on the lowest level, for layers on top; interceptors don't see it. */
  addMethod<Request, Response>(
    method: MethodDefinition<Request, Response>,
    handler: RawHandler<Request, Response>,
  ): void {
    this.#registry.add(method, handler as RawHandler);
  }

  /**
   * Listens on an address, or to who accepts byte streams itself; may be called for several. A stale
   * unix socket file is replaced.
   *
   * @returns the bound address: a TCP port 0 has become the port that the system chose
   * @throws TypeError when the address can't be understood
   * @throws ConnectionError when it can't be bound
   */
  async listen(where: string | Acceptor): Promise<string> {
    if (this.#closing) throw closedError();
    const accept = (socket: Duplex): void => void this.#accept(socket, bound);
    let bound = typeof where === 'string' ? where : 'a Duplex';
    const listener =
      typeof where === 'string'
        ? await listen(parseAddress(where), accept, this.#listening())
        : await where(accept);
    bound = listener.address;
    this.#listeners.add(listener);
    if (!this.#closing) return bound;
    await listener.close();
    throw closedError();
  }

  /**
   * Serves one byte stream that somebody else made: an accepted socket, a lane of a multiplexer.
   * Resolves when its handshake has succeeded; the stream is destroyed when that fails.
   *
   * @param address - what errors and handlers call the peer
   * @throws HandshakeError when the handshake refused it
   */
  async serve(stream: Duplex, address = 'a Duplex'): Promise<void> {
    if (this.#closing) {
      stream.destroy();
      throw closedError();
    }
    const { handshake, handshakeTimeoutMs } = this.#options;
    const underWay = runHandshake(stream, handshake, handshakeTimeoutMs);
    // Without a handshake there is no tick in which the stream is nobody's.
    const attachment = underWay === undefined ? undefined : await this.#waitFor(underWay, stream);
    const certificate = peerCertificate(stream);
    this.#attach(stream, { address: peerAddress(stream, address), attachment, certificate });
  }

  /** Ends everything now: handlers' signals abort, callers lose their connection. */
  async close(): Promise<void> {
    await this.#stopListening();
    for (const connection of this.#connections.keys()) connection.destroy();
    await this.#empty();
  }

  /**
   * Accepts no more, lets the calls in flight end, and closes each connection behind its last one.
   * New calls on a connection are answered UNAVAILABLE meanwhile.
   *
   * @param graceMs - when to {@link close} what is still open, in milliseconds
   * @throws RangeError when it is not above 0
   */
  async shutdown({ graceMs }: { readonly graceMs: number }): Promise<void> {
    positive('graceMs', graceMs);
    await this.#stopListening();
    for (const connection of this.#connections.keys()) connection.drain();
    const grace = setTimeout(() => void this.close(), Math.min(graceMs, MAX_TIMER_MS));
    try {
      await this.#empty();
    } finally {
      clearTimeout(grace);
    }
  }

  async #waitFor(handshake: Promise<unknown>, stream: Duplex): Promise<unknown> {
    this.#fresh.add(stream);
    try {
      return await handshake;
    } catch (error) {
      this.#counters.failedHandshakes++;
      throw error;
    } finally {
      this.#fresh.delete(stream);
    }
  }

  /** Who is not through the handshake has no calls to wait for. */
  async #stopListening(): Promise<void> {
    this.#closing = true;
    const listeners = [...this.#listeners];
    this.#listeners.clear();
    for (const stream of this.#fresh) stream.destroy();
    await Promise.all(listeners.map((listener) => listener.close()));
  }

  /** Resolves when the last connection is gone. */
  async #empty(): Promise<void> {
    if (this.#connections.size === 0) return;
    await new Promise<void>((resolve) => {
      const before = this.#onEmpty;
      this.#onEmpty = () => {
        before?.();
        resolve();
      };
    });
  }

  async #accept(socket: Duplex, address: string): Promise<void> {
    const { maxConnections, onError } = this.#options;
    try {
      if (this.#connections.size + this.#fresh.size >= maxConnections) {
        socket.destroy();
        throw this.#refusal();
      }
      await this.serve(socket, address);
    } catch (error) {
      onError(error as Error);
    }
  }

  #refusal(): UsageError {
    this.#counters.refusedConnections++;
    return new UsageError(`connection refused: maxConnections is ${this.#options.maxConnections}`);
  }

  #listening(): ListenerOptions {
    return listenerOptions(this.#options, {
      onFailed: () => void this.#counters.failedHandshakes++,
      onDropped: () => this.#options.onError(this.#refusal()),
    });
  }

  #attach(socket: Duplex, peer: Peer): void {
    if (this.#closing) {
      socket.destroy();
      throw closedError();
    }
    const { connection: options, idleTimeoutMs, onConnect } = this.#options;
    const counters = this.#counters;
    attach(socket, (sink) => {
      const onClosed = (error: ConnectionError): void => {
        stopWatch();
        this.#onClosed(connection, peer, error);
      };
      const setup = { sink, address: peer.address, options, counters, onClosed };
      const dispatcher = new Dispatcher(this.#registry, peer, this.#options);
      const connection = new ServerConnection(setup, dispatcher);
      this.#connections.set(connection, peer);
      const stopWatch = watchIdle(connection, idleTimeoutMs, () => {
        counters.idleConnections++;
        connection.close();
      });
      return connection;
    });
    onConnect(peer);
  }

  #onClosed(connection: ServerConnection, peer: Peer, error: ConnectionError): void {
    this.#connections.delete(connection);
    this.#options.onClose(peer, error);
    if (this.#connections.size === 0) this.#onEmpty?.();
  }
}

function closedError(): UsageError {
  return new UsageError('server is closed');
}
