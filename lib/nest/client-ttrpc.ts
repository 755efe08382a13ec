import { Logger } from '@nestjs/common';
import { ClientProxy, type ClientGrpc } from '@nestjs/microservices';
import type { Observable } from 'rxjs';
import { TtrpcClient } from '../engine/client.js';
import { resolveClientOptions, type ClientState } from '../engine/client-options.js';
import { DefinitionError, UsageError, type ConnectionError } from '../errors.js';
import { suggestNames } from '../proto/nearest-names.js';
import type { ServiceDefinition } from '../rpc/method-definition.js';
import { quietly } from './after-call.js';
import { checkOptions, checkPlace, CLIENT_OPTIONS } from './checked-options.js';
import { findService, loadDefinitions, type Definitions } from './definitions.js';
import { translateClientOptions } from './grpc-options.js';
import { createPromiseStub, type PromiseMethod } from './promise-stub.js';
import { checkProtoLoader } from './proto-loader.js';
import { createStub, type StubClient, type StubMethod } from './service-stub.js';
import type { ClientTtrpcOptions } from './ttrpc-options.interface.js';

/** Whether the client has a connection. */
export type TtrpcClientStatus = 'connected' | 'connecting' | 'disconnected';

const STATUSES: Readonly<Record<ClientState, TtrpcClientStatus>> = {
  idle: 'disconnected',
  connecting: 'connecting',
  connected: 'connected',
  failed: 'disconnected',
  closed: 'disconnected',
};

/** What {@link ClientTtrpc.on} tells. */
export type TtrpcClientEvents = {
  /** A connection was made. */
  connect: () => void;
  /** The connection is gone; every call on it has had its error. */
  close: (error: ConnectionError) => void;
};

/**
 * Calls services over ttrpc, with the interface of Nest's gRPC client: inject it where `ClientGrpc`
 * is expected. Nothing is read or dialed before the first `getService`, `connect` or call.
 *
 * @example
 * ```ts
 * ClientsModule.register([
 *   { name: 'HERO', customClass: ClientTtrpc, options: { url, package: 'hero', protoPath } },
 * ]);
 * ```
 */
export class ClientTtrpc extends ClientProxy<TtrpcClientEvents> implements ClientGrpc {
  readonly #options: ClientTtrpcOptions;
  readonly #warning: string | undefined;
  readonly #stubs = new Map<ServiceDefinition, Record<string, StubMethod>>();
  readonly #promiseStubs = new Map<ServiceDefinition, Record<string, PromiseMethod>>();
  readonly #listeners: [event: string, callback: (...values: never[]) => void][] = [];
  #definitions: Definitions | undefined;
  #engine: TtrpcClient | undefined;

  /** @throws TypeError or RangeError naming the option, what it got and what is allowed */
  constructor(options: ClientTtrpcOptions) {
    super();
    checkOptions('ClientTtrpc', options, CLIENT_OPTIONS);
    checkPlace(options, 'dial', 'stream');
    checkProtoLoader(options.protoLoader);
    const translated = translateClientOptions('ClientTtrpc', options);
    resolveClientOptions(engineOptions(translated.options));
    this.#options = translated.options;
    this.#warning = translated.warning;
  }

  /** `connecting`, `connected` and `disconnected`, as the connection comes and goes. */
  override get status(): Observable<TtrpcClientStatus> {
    return super.status as Observable<TtrpcClientStatus>;
  }

  /**
   * The methods of a service, as functions that return cold Observables: each subscription is a
   * call of its own, and unsubscribing cancels it.
   *
   * @param name - as for `@GrpcMethod`: bare, relative to the package, or full
   * @throws DefinitionError naming the nearest services when there is none of that name
   */
  getService<T extends object>(name: string): T {
    const definition = this.#find(name);
    let stub = this.#stubs.get(definition);
    if (stub === undefined) {
      stub = createStub(this.#stubClient(), definition);
      this.#stubs.set(definition, stub);
    }
    return stub as T;
  }

  /**
   * The same methods for `await` and `for await`: a response comes as a Promise, and the call is
   * made at once; a stream of responses as an AsyncIterable, and the call is made when the loop
   * begins, and cancelled when it is left. Arguments are those of {@link getService}; a stream of
   * requests is an (async) iterable or an Observable.
   *
   * @param name - as for {@link getService}
   * @throws DefinitionError naming the nearest services when there is none of that name
   * @example
   * ```ts
   * const heroes = client.getPromiseService<HeroPromises>('HeroService');
   * const hero = await heroes.findOne({ id: 1 }, { timeoutMs: 500 });
   * for await (const each of heroes.findMany({})) console.log(each);
   * ```
   */
  getPromiseService<T extends object>(name: string): T {
    const definition = this.#find(name);
    let stub = this.#promiseStubs.get(definition);
    if (stub === undefined) {
      stub = createPromiseStub(this.#stubClient(), definition);
      this.#promiseStubs.set(definition, stub);
    }
    return stub as T;
  }

  /** The same object as {@link getService} gives: ttrpc has one client for all services. */
  getClientByServiceName<T = Record<string, StubMethod>>(name: string): T {
    return this.getService(name) as T;
  }

  /**
   * Connects now, instead of with the first call.
   *
   * @throws ConnectionError when the server can't be reached
   */
  override async connect(): Promise<void> {
    await this.#client().connect();
  }

  /** Closes the connection for good. Nest may call it detached from its lifecycle, and twice. */
  override async close(): Promise<void> {
    await this.#client().close();
  }

  /** Closes the client with the application; `ClientsModule` puts its own in place of it. */
  async onApplicationShutdown(): Promise<void> {
    await this.close();
  }

  override on(event: keyof TtrpcClientEvents, callback: (...values: never[]) => void): void {
    this.#listeners.push([event, callback]);
  }

  /** The engine's client. */
  override unwrap<T = TtrpcClient>(): T {
    return this.#client() as T;
  }

  /** Not for ttrpc: methods have names and types, see {@link getService}. */
  override send<Result>(): Observable<Result> {
    throw noPatterns();
  }

  /** Not for ttrpc: methods have names and types, see {@link getService}. */
  override emit<Result>(): Observable<Result> {
    throw noPatterns();
  }

  protected override publish(): never {
    throw noPatterns();
  }

  protected override dispatchEvent<Result>(): Promise<Result> {
    return Promise.reject(noPatterns());
  }

  #stubClient(): StubClient {
    return {
      engine: () => this.#client(),
      intercepted: (this.#options.interceptors ?? []).length > 0,
      serializeError: (error) => this.serializeError(error) as unknown,
      // Nest 11 has no such field, and nothing that would set it.
      dispatchHook: () => this.onDispatchHook,
    };
  }

  #client(): TtrpcClient {
    this.#engine ??= this.#createEngine();
    return this.#engine;
  }

  #createEngine(): TtrpcClient {
    // Not before somebody uses the client: by then Nest has the logger that it was told to have.
    if (this.#warning !== undefined) new Logger('ClientTtrpc').warn(this.#warning);
    return new TtrpcClient({
      ...engineOptions(this.#options),
      onStateChange: (state) => {
        this._status$.next(STATUSES[state]);
        quietly(() => this.#options.onStateChange?.(state));
      },
      onConnect: () => {
        quietly(() => this.#options.onConnect?.());
        this.#emit('connect');
      },
      onClose: (error) => {
        quietly(() => this.#options.onClose?.(error));
        this.#emit('close', error);
      },
    });
  }

  #find(name: string): ServiceDefinition {
    this.#definitions ??= loadDefinitions(this.#options);
    const { services } = this.#definitions;
    const found = findService(services, name);
    if (found !== undefined) return found;
    const known = services.map(({ definition }) => definition.name);
    throw new DefinitionError(`unknown service ${name}${suggestNames(name, known)}`);
  }

  #emit(event: string, ...values: unknown[]): void {
    for (const [wanted, callback] of this.#listeners) {
      if (wanted === event) quietly(() => callback(...(values as never[])));
    }
  }
}

function engineOptions({ url, ...options }: ClientTtrpcOptions): ClientTtrpcOptions & {
  address?: string | undefined;
} {
  return { ...options, address: url };
}

function noPatterns(): UsageError {
  return new UsageError('ttrpc has no message patterns: call a method of getService(name)');
}
