import { from, isObservable, Observable, type ObservableInput } from 'rxjs';
import type { TtrpcClient } from '../engine/client.js';
import type { TtrpcError } from '../errors.js';
import { methodSpellings } from '../proto/method-names.js';
import type { CallOptions } from '../rpc/call.js';
import type { StreamClientCall } from '../rpc/client-stream-call.js';
import type { MethodDefinition, ServiceDefinition } from '../rpc/method-definition.js';
import { isAsyncIterable, isIterable } from '../rpc/pump.js';
import { METHOD_SHAPES } from '../spec/method.js';
import { readArguments } from './call-arguments.js';
import { iterate } from './observable-iterable.js';
import { ObservableSender, type MessageTarget } from './observable-sender.js';

/** What stubs call through. */
export interface StubClient {
  /** The engine's client, made on first use. */
  engine(): TtrpcClient;
  /** Whether interceptors wrap the calls. */
  readonly intercepted: boolean;
  /** Turns a call's error into what its Observable gives. */
  serializeError(error: TtrpcError): unknown;
}

/** A method of a stub: a cold Observable, which calls when it is subscribed to. */
export type StubMethod = (...given: unknown[]) => Observable<unknown>;

/**
 * Makes the object that `getService` gives: each method by its name in the .proto and in camel
 * case. A plain object, since Nest looks for lifecycle hooks on every provider.
 */
export function createStub(
  client: StubClient,
  service: ServiceDefinition,
): Record<string, StubMethod> {
  const stub: Record<string, StubMethod> = {};
  for (const method of service.methods) {
    const call = createMethod(client, method);
    const [name, camelCase] = methodSpellings(method.name);
    stub[name as string] = call;
    if (camelCase !== undefined) stub[camelCase] ??= call;
  }
  return stub;
}

function createMethod(client: StubClient, method: MethodDefinition): StubMethod {
  const { requestStream } = METHOD_SHAPES[method.kind];
  const open = requestStream ? openStream : method.kind === 'unary' ? openUnary : openResponses;
  return (...given) => {
    const { input, options } = readArguments(given);
    if (client.intercepted) return through(client, method, { input, options });
    return new Observable((subscriber) => {
      const listener: Listener = {
        onMessage: (message) => subscriber.next(message),
        onEnd: () => subscriber.complete(),
        onError: (error) => subscriber.error(client.serializeError(error)),
      };
      return open(client.engine(), { method, input, options, listener });
    });
  };
}

interface Listener {
  onMessage(message: unknown): void;
  onEnd(): void;
  onError(error: TtrpcError): void;
}

interface Opening {
  readonly method: MethodDefinition;
  readonly input: unknown;
  readonly options: CallOptions;
  readonly listener: Listener;
}

/** Starts a call; what it returns gives the call up. */
type Open = (engine: TtrpcClient, opening: Opening) => () => void;

const openUnary: Open = (engine, { method, input, options, listener }) => {
  const call = engine.startUnary(method, input, {
    options,
    resolve: (message) => {
      listener.onMessage(message);
      listener.onEnd();
    },
    reject: (error) => listener.onError(error),
  });
  return () => call.cancel();
};

const openResponses: Open = (engine, { method, input, options, listener }) => {
  const call = engine.startStream(method, {
    options,
    request: input,
    listener: { ...listener, onDrain: () => undefined },
  });
  return () => call.cancel();
};

const openStream: Open = (engine, { method, input, options, listener }) => {
  const requests = toObservable(method, input);
  const upstream = new Upstream(listener);
  const call = engine.startStream(method, {
    options,
    listener: {
      onMessage: (message) => listener.onMessage(message),
      onEnd: () => {
        upstream.sender.stop();
        listener.onEnd();
      },
      onError: (error) => {
        upstream.sender.stop();
        upstream.fail(error);
      },
      onDrain: () => upstream.onDrain(),
    },
  });
  upstream.call = call;
  if (call.pending) upstream.sender.start(requests);
  return () => {
    upstream.sender.stop();
    call.cancel();
  };
};

/** The requests of a call on their way from the user's Observable to the engine. */
class Upstream implements MessageTarget {
  readonly sender = new ObservableSender(this);
  call: StreamClientCall<unknown, unknown> | undefined;
  readonly #listener: Listener;
  #drained: (() => void) | undefined;
  #failed = false;

  constructor(listener: Listener) {
    this.#listener = listener;
  }

  send(message: unknown): boolean {
    return this.call?.send(message) ?? true;
  }

  whenDrained(drained: () => void): void {
    this.#drained = drained;
  }

  onDrain(): void {
    const drained = this.#drained;
    this.#drained = undefined;
    drained?.();
  }

  end(): void {
    this.call?.endMessages();
  }

  /** The first failure is the call's: of the user's Observable, or of the call itself. */
  fail(error: unknown): void {
    if (this.#failed) return;
    this.#failed = true;
    this.#listener.onError(error as TtrpcError);
    this.call?.cancel(error);
  }
}

/** @throws TypeError when it is not a stream */
function toObservable(method: MethodDefinition, input: unknown): Observable<unknown> {
  if (isObservable(input)) return input;
  if (isAsyncIterable(input) || isIterable(input)) return from(input as ObservableInput<unknown>);
  const got = input === null ? 'null' : typeof input;
  throw new TypeError(
    `${method.service}/${method.name} takes a stream: an Observable or (async) iterable, got ${got}`,
  );
}

/** The same through the engine's promises and iterables, which interceptors wrap. */
function through(
  client: StubClient,
  method: MethodDefinition,
  { input, options }: { readonly input: unknown; readonly options: CallOptions },
): Observable<unknown> {
  return new Observable((subscriber) => {
    const gaveUp = new AbortController();
    const signal =
      options.signal === undefined
        ? gaveUp.signal
        : AbortSignal.any([gaveUp.signal, options.signal]);
    const result = invoke(client.engine(), method, { input, options: { ...options, signal } });
    const subscription = from(result).subscribe({
      next: (message) => subscriber.next(message),
      error: (error: unknown) => subscriber.error(client.serializeError(error as TtrpcError)),
      complete: () => subscriber.complete(),
    });
    return () => {
      subscription.unsubscribe();
      gaveUp.abort();
    };
  });
}

function invoke(
  engine: TtrpcClient,
  method: MethodDefinition,
  { input, options }: { readonly input: unknown; readonly options: CallOptions },
): ObservableInput<unknown> {
  switch (method.kind) {
    case 'unary':
      return engine.unary(method, input, options);
    case 'serverStreaming':
      return engine.serverStreaming(method, input, options);
    case 'clientStreaming':
      return engine.clientStreaming(method, iterate(toObservable(method, input)), options);
    case 'bidirectional':
      return engine.bidirectional(method, iterate(toObservable(method, input)), options);
  }
}
