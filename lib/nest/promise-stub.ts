import { isObservable, type Observable } from 'rxjs';
import type { MethodDefinition, ServiceDefinition } from '../rpc/method-definition.js';
import { METHOD_SHAPES } from '../spec/method.js';
import { readArguments, type CallArguments } from './call-arguments.js';
import { dispatched } from './dispatch-hook.js';
import { iterate } from './observable-iterable.js';
import { invoke, serialized, stubOf, type StubClient } from './service-stub.js';
import { toRequests } from './upstream.js';

/** A method that gives a Promise of its response, or an AsyncIterable of its responses. */
export type PromiseMethod = (...given: unknown[]) => Promise<unknown> | AsyncIterable<unknown>;

/** Makes the object that `getPromiseService` gives. */
export function createPromiseStub(
  client: StubClient,
  service: ServiceDefinition,
): Record<string, PromiseMethod> {
  return stubOf(service, (method) =>
    METHOD_SHAPES[method.kind].responseStream
      ? (...given) => new Responses(client, method, readArguments(given))
      : (...given) => respond(client, method, given),
  );
}

/** Calls now. Async, so that a wrong argument rejects too. */
async function respond(
  client: StubClient,
  method: MethodDefinition,
  given: readonly unknown[],
): Promise<unknown> {
  const call = prepare(client, method, readArguments(given));
  try {
    return await (invoke(client.engine(), method, call) as Promise<unknown>);
  } catch (error) {
    throw serialized(client, error);
  }
}

/** Calls when the loop over the responses begins. */
class Responses implements AsyncIterable<unknown> {
  readonly #client: StubClient;
  readonly #method: MethodDefinition;
  readonly #given: CallArguments;

  constructor(client: StubClient, method: MethodDefinition, given: CallArguments) {
    this.#client = client;
    this.#method = method;
    this.#given = given;
  }

  [Symbol.asyncIterator](): AsyncIterator<unknown> {
    const client = this.#client;
    const call = prepare(client, this.#method, this.#given);
    const responses = invoke(client.engine(), this.#method, call) as AsyncIterable<unknown>;
    const iterator = responses[Symbol.asyncIterator]();
    const fail = (error: unknown): never => {
      throw serialized(client, error);
    };
    return {
      next: () => iterator.next().catch(fail),
      return: async (value?: unknown) => {
        await iterator.return?.();
        return { done: true, value };
      },
    };
  }
}

/** What the engine takes, once the hook has seen it. */
function prepare(
  client: StubClient,
  method: MethodDefinition,
  given: CallArguments,
): CallArguments {
  const options = dispatched(client.dispatchHook(), method, given);
  if (!METHOD_SHAPES[method.kind].requestStream) return { input: given.input, options };
  const requests = toRequests(method, given.input);
  return { input: isObservable(requests) ? iterable(requests) : requests, options };
}

/** Unlike a generator's, its iterator can be left while it waits for the Observable. */
function iterable(source: Observable<unknown>): AsyncIterable<unknown> {
  return {
    [Symbol.asyncIterator]: () => {
      const left = new AbortController();
      const messages = iterate(source, left.signal);
      return {
        next: () => messages.next(),
        return: () => {
          left.abort();
          return messages.return();
        },
      };
    },
  };
}
