import type { CustomTransportStrategy, MessageHandler } from '@nestjs/microservices';
import type { Observable } from 'rxjs';
import { UsageError, type ConnectionError } from '../errors.js';
import { TtrpcServer } from '../engine/server.js';
import { positive } from '../engine/client-options.js';
import { resolveServerOptions } from '../engine/server-options.js';
import type { Peer } from '../rpc/call.js';
import type { RawHandler } from '../rpc/server-call.js';
import { quietly } from './after-call.js';
import { checkOptions, checkPlace, SERVER_OPTIONS } from './checked-options.js';
import { translateServerOptions } from './grpc-options.js';
import { ServerBase } from './grpc-shim.js';
import {
  bindHandlers,
  methodPattern,
  type Binding,
  type BoundMethod,
  type RegisteredHandler,
} from './handler-binding.js';
import { withHealth } from './health-definition.js';
import { runWithHooks, type EndHook, type StartHook } from './processing-hooks.js';
import { checkProtoLoader } from './proto-loader.js';
import { processorOf } from './processor.js';
import { loadServerDefinitions } from './server-definitions.js';
import type { ServerTtrpcOptions } from './ttrpc-options.interface.js';
import { TTRPC_TRANSPORT } from './ttrpc.constants.js';

const GRACE_MS = 10_000;

/** Whether the server takes calls. */
export type TtrpcServerStatus = 'up' | 'down';

/** What {@link ServerTtrpc.on} tells. */
export type TtrpcServerEvents = {
  /** A connection was accepted. */
  connect: (peer: Peer) => void;
  /** A connection is gone; the signals of its calls have aborted. */
  close: (peer: Peer, error: ConnectionError) => void;
  /** A refused handshake, a failed accept. */
  error: (error: Error) => void;
};

/**
 * Serves the handlers of `@GrpcMethod`, `@GrpcStreamMethod`, `@GrpcStreamCall` and of their
 * `@Ttrpc…` twins over ttrpc.
 *
 * @example
 * ```ts
 * const app = await NestFactory.createMicroservice(AppModule, {
 *   strategy: new ServerTtrpc({ url: 'unix:///run/hero.sock', package: 'hero', protoPath }),
 * });
 * const address = await app.listen();
 * ```
 */
export class ServerTtrpc
  extends ServerBase<TtrpcServerEvents, TtrpcServerStatus>
  implements CustomTransportStrategy
{
  readonly #options: ServerTtrpcOptions;
  readonly #warning: string | undefined;
  readonly #handlers: RegisteredHandler[] = [];
  readonly #listeners: [event: string, callback: (...values: never[]) => void][] = [];
  #engine: TtrpcServer | undefined;
  #closing: Promise<void> | undefined;
  #startHook: StartHook | undefined;
  #endHook: EndHook | undefined;

  /** @throws TypeError or RangeError naming the option, what it got and what is allowed */
  constructor(options: ServerTtrpcOptions) {
    super();
    checkOptions('ServerTtrpc', options, SERVER_OPTIONS);
    checkPlace(options, 'listen');
    checkProtoLoader(options.protoLoader);
    if (options.url !== undefined && options.listen !== undefined) {
      throw new TypeError('url and listen exclude each other: give one of them');
    }
    if (options.graceMs !== undefined) positive('graceMs', options.graceMs);
    const translated = translateServerOptions('ServerTtrpc', options);
    resolveServerOptions(translated.options);
    this.#options = translated.options;
    this.#warning = translated.warning;
  }

  /** `up` once it listens, `down` once it is closed. */
  override get status(): Observable<TtrpcServerStatus> {
    return super.status;
  }

  /** Nest hands over every handler of the application; those of other transports are left. */
  override addHandler(
    pattern: unknown,
    callback: MessageHandler,
    isEventHandler = false,
    extras: Record<string, unknown> = {},
  ): void {
    super.addHandler(pattern, callback, isEventHandler, extras);
    const method = isEventHandler ? undefined : methodPattern(pattern);
    if (method !== undefined) this.#handlers.push({ pattern: method, handler: callback });
  }

  override setOnProcessingStartHook(hook: StartHook): void {
    this.#startHook = hook;
  }

  override setOnProcessingEndHook(hook: EndHook): void {
    this.#endHook = hook;
  }

  /**
   * Binds the handlers and listens; `await app.listen()` gives the bound address.
   *
   * @param callback - gets an error, or `null` and the address
   */
  override listen(callback: (error: unknown, address?: string) => void): void {
    this.#listen().then(
      (address) => callback(null, address),
      (error: unknown) => callback(error),
    );
  }

  /** Closes the server: at once, or gracefully if the options say so. May be called at any time. */
  override async close(): Promise<void> {
    const { gracefulShutdown, graceMs } = this.#options;
    await this.#end((engine) =>
      gracefulShutdown === true
        ? engine.shutdown({ graceMs: graceMs ?? GRACE_MS })
        : engine.close(),
    );
  }

  /**
   * Closes the server gracefully, whatever the options say: it accepts no more, lets the calls in
   * flight end, and closes. For hybrid applications, in which Nest destroys providers before it
   * closes servers: to be called before handlers lose what they need, such as from `onModuleDestroy`
   * of the root module. May be called at any time; a later `close()` waits for it.
   *
   * @param options - `graceMs`: how long to wait, in milliseconds; absent: as the server's option
   * @throws RangeError when `graceMs` is not above 0
   */
  async drain(options: { readonly graceMs?: number | undefined } = {}): Promise<void> {
    const { graceMs = this.#options.graceMs ?? GRACE_MS } = options;
    positive('graceMs', graceMs);
    await this.#end((engine) => engine.shutdown({ graceMs }));
  }

  /** Hears of connections, and of what goes wrong outside of calls. */
  override on(event: keyof TtrpcServerEvents, callback: (...values: never[]) => void): void {
    this.#listeners.push([event, callback]);
  }

  /** The engine's server. */
  override unwrap<T = TtrpcServer>(): T {
    if (this.#engine === undefined) {
      throw new UsageError(
        'server is not listening: call listen() (or startAllMicroservices()) first',
      );
    }
    return this.#engine as T;
  }

  async #listen(): Promise<string> {
    if (this.#engine !== undefined) throw new UsageError('server is listening already');
    if (this.#warning !== undefined) this.logger.warn(this.#warning);
    const { services, added } = loadServerDefinitions(this.#options);
    const binding = bindHandlers(withHealth(services, this.#handlers), this.#handlers);
    this.#report(binding);
    const engine = this.#createEngine();
    for (const [method, handler] of added) engine.addMethod(method, handler);
    for (const bound of binding.bound) engine.addMethod(bound.method, this.#serve(bound));
    // While handlers were registered it had to be absent, so that Nest offered those of
    // Transport.GRPC and of TTRPC_TRANSPORT alike; hooks are told this one.
    this.transportId = TTRPC_TRANSPORT;
    this.#engine = engine;
    try {
      const { url, listen } = this.#options;
      // One of them is there: the constructor has seen to it.
      const address = await engine.listen(listen ?? (url as string));
      this._status$.next('up');
      return address;
    } catch (error) {
      if (this.#engine === engine) this.#engine = undefined;
      throw error;
    }
  }

  /** Ends the engine that there is; if none is, waits for the end of the last one. */
  async #end(stop: (engine: TtrpcServer) => Promise<void>): Promise<void> {
    const engine = this.#engine;
    this.#engine = undefined;
    if (engine !== undefined) {
      this.#closing = stop(engine).then(() => this._status$.next('down'));
    }
    await this.#closing;
  }

  #createEngine(): TtrpcServer {
    const { onConnect, onClose, onError } = this.#options;
    return new TtrpcServer({
      ...this.#options,
      // Nest's filters have logged what a handler threw; what comes here went around them.
      onHandlerError: (error) => this.logger.error(error),
      onConnect: (peer) => {
        quietly(() => onConnect?.(peer));
        this.#emit('connect', peer);
      },
      onClose: (peer, error) => {
        quietly(() => onClose?.(peer, error));
        this.#emit('close', peer, error);
      },
      onError: (error) => {
        if (onError === undefined) this.logger.error(error.message);
        else quietly(() => onError(error));
        this.#emit('error', error);
      },
    });
  }

  #emit(event: string, ...values: unknown[]): void {
    for (const [name, callback] of this.#listeners) {
      if (name === event) quietly(() => callback(...(values as never[])));
    }
  }

  #report({ faults, gaps }: Binding): void {
    if (this.#options.strict === true && faults.length + gaps.length > 0) {
      throw new UsageError(`handlers and methods do not match: ${[...faults, ...gaps].join('; ')}`);
    }
    for (const fault of faults) this.logger.error(fault);
    for (const gap of gaps) this.logger.warn(gap);
  }

  #serve(bound: BoundMethod): RawHandler {
    const process = processorOf(bound);
    return (call) => {
      const [context, run] = process(call);
      if (this.#startHook === undefined && this.#endHook === undefined) return run();
      const { transportId } = this;
      runWithHooks({ transportId, start: this.#startHook, end: this.#endHook }, call, context, run);
    };
  }
}
