import { from, isObservable, Observable, tap, type ObservableInput, type Subscriber } from 'rxjs';
import type { TtrpcClient } from '../engine/client.js';
import type { TtrpcError } from '../errors.js';
import { methodSpellings } from '../proto/method-names.js';
import type { CallOptions } from '../rpc/call.js';
import type { UnaryStart } from '../rpc/client-call.js';
import type { MethodDefinition, ServiceDefinition } from '../rpc/method-definition.js';
import { METHOD_SHAPES } from '../spec/method.js';
import { readArguments, type CallArguments } from './call-arguments.js';
import { dispatched, type DispatchHook } from './dispatch-hook.js';
import { iterate } from './observable-iterable.js';
import { toRequests, Upstream, type Requests } from './upstream.js';

/** What stubs call through. */
export interface StubClient {
  /** The engine's client, made on first use. */
  engine(): TtrpcClient;
  /** Whether interceptors wrap the calls. */
  readonly intercepted: boolean;
  /** Sees each call before it is made; set at any time. */
  dispatchHook(): DispatchHook | undefined;
  /** Turns a call's error into what its Observable gives. */
  serializeError(error: TtrpcError): unknown;
}

/** A method of a stub: a cold Observable, which calls when it is subscribed to. */
export type StubMethod = (...given: unknown[]) => Observable<unknown>;

/** Makes the object that `getService` gives. */
export function createStub(
  client: StubClient,
  service: ServiceDefinition,
): Record<string, StubMethod> {
  return stubOf(service, (method) => createMethod(client, method));
}

/**
 * An object with each method by its name in the .proto and in camel case. A plain one, since Nest
 * looks for lifecycle hooks on every provider. An rpc `Then` has no camel case: whoever awaits the
 * object would call it.
 */
export function stubOf<T>(
  service: ServiceDefinition,
  create: (method: MethodDefinition) => T,
): Record<string, T> {
  const stub: Record<string, T> = {};
  for (const method of service.methods) {
    const call = create(method);
    const camelCase = methodSpellings(method.name).find((spelling) => /^[a-z]/.test(spelling));
    stub[method.name] = call;
    if (camelCase !== undefined) stub[camelCase] ??= call;
  }
  const { then } = stub;
  if (then !== undefined) stub['Then'] ??= then;
  delete stub['then'];
  return stub;
}

/** One method of a stub. */
export function createMethod(client: StubClient, method: MethodDefinition): StubMethod {
  const { requestStream } = METHOD_SHAPES[method.kind];
  const open = requestStream ? openStream : method.kind === 'unary' ? openUnary : openResponses;
  return (...given) => {
    const { input, options } = readArguments(given);
    if (client.intercepted) return through(client, method, { input, options });
    return new Observable((subscriber) => {
      const sent = dispatched(client.dispatchHook(), method, { input, options });
      const delivery = new Delivery(subscriber, client, sent);
      return open(client.engine(), { method, input, options: sent, delivery });
    });
  };
}

/** What a user's `serializeError` makes of an error; if it throws, what it throws. */
export function serialized(client: StubClient, error: unknown): unknown {
  try {
    return client.serializeError(error as TtrpcError);
  } catch (thrown) {
    return thrown;
  }
}

/** Brings what a call gives to its subscriber. One object for all of it: one is made per call. */
class Delivery implements UnaryStart<unknown> {
  readonly options: CallOptions;
  readonly #subscriber: Subscriber<unknown>;
  readonly #client: StubClient;

  constructor(subscriber: Subscriber<unknown>, client: StubClient, options: CallOptions) {
    this.#subscriber = subscriber;
    this.#client = client;
    this.options = options;
  }

  resolve(message: unknown): void {
    this.#subscriber.next(message);
    this.#subscriber.complete();
  }

  reject(error: unknown): void {
    this.#subscriber.error(serialized(this.#client, error));
  }

  onMessage(message: unknown): void {
    this.#subscriber.next(message);
  }

  onEnd(): void {
    this.#subscriber.complete();
  }

  onError(error: unknown): void {
    this.reject(error);
  }

  onDrain(): void {
    // There is nothing more to send.
  }
}

interface Opening {
  readonly method: MethodDefinition;
  readonly input: unknown;
  readonly options: CallOptions;
  readonly delivery: Delivery;
}

/** Starts a call; what it returns gives the call up. */
type Open = (engine: TtrpcClient, opening: Opening) => () => void;

const openUnary: Open = (engine, { method, input, delivery }) => {
  const call = engine.startUnary(method, input, delivery);
  return () => giveUp(call);
};

const openResponses: Open = (engine, { method, input, options, delivery }) => {
  const call = engine.startStream(method, { options, request: input, listener: delivery });
  return () => giveUp(call);
};

const openStream: Open = (engine, { method, input, options, delivery }) => {
  const requests = toRequests(method, input);
  const upstream = new Upstream((error) => delivery.onError(error));
  const call = engine.startStream(method, {
    options,
    listener: {
      onMessage: (message) => delivery.onMessage(message),
      onEnd: () => {
        upstream.stop();
        delivery.onEnd();
      },
      onError: (error) => {
        upstream.stop();
        upstream.fail(error);
      },
      onDrain: () => upstream.onDrain(),
    },
  });
  upstream.call = call;
  if (call.pending) upstream.start(requests);
  return () => {
    upstream.stop();
    giveUp(call);
  };
};

/** Also runs behind a call's end, which must not cost it the making of an error. */
function giveUp(call: { readonly pending: boolean; cancel(): void }): void {
  if (call.pending) call.cancel();
}

/** The same through the engine's promises and iterables, which interceptors wrap. */
function through(
  client: StubClient,
  method: MethodDefinition,
  { input, options }: CallArguments,
): Observable<unknown> {
  return new Observable((subscriber) => {
    const gaveUp = new AbortController();
    const signal =
      options.signal === undefined
        ? gaveUp.signal
        : AbortSignal.any([gaveUp.signal, options.signal]);
    let upstream: { readonly error: unknown } | undefined;
    const failed = (error: unknown): void => void (upstream ??= { error });
    const given = METHOD_SHAPES[method.kind].requestStream
      ? toIterable(toRequests(method, input), gaveUp.signal, failed)
      : input;
    const sent = dispatched(client.dispatchHook(), method, { input, options });
    const result = invoke(client.engine(), method, { input: given, options: { ...sent, signal } });
    const subscription = from(result).subscribe({
      next: (message) => subscriber.next(message),
      error: (error: unknown) =>
        subscriber.error(serialized(client, upstream === undefined ? error : upstream.error)),
      complete: () => subscriber.complete(),
    });
    return () => {
      subscription.unsubscribe();
      gaveUp.abort();
    };
  });
}

/** An error of an Observable is the result's, whatever the engine and interceptors make of it. */
function toIterable(
  requests: Requests,
  signal: AbortSignal,
  failed: (error: unknown) => void,
): AsyncIterable<unknown> | Iterable<unknown> {
  return isObservable(requests) ? iterate(requests.pipe(tap({ error: failed })), signal) : requests;
}

/** Calls through the engine's promises and iterables. */
export function invoke(
  engine: TtrpcClient,
  method: MethodDefinition,
  { input, options }: CallArguments,
): ObservableInput<unknown> {
  switch (method.kind) {
    case 'unary':
      return engine.unary(method, input, options);
    case 'serverStreaming':
      return engine.serverStreaming(method, input, options);
    case 'clientStreaming':
      return engine.clientStreaming(method, input as AsyncIterable<unknown>, options);
    case 'bidirectional':
      return engine.bidirectional(method, input as AsyncIterable<unknown>, options);
  }
}
