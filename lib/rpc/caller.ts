import type { CallOptions } from './call.js';
import { UnaryClientCall } from './client-call.js';
import {
  intercept,
  ofKind,
  spreadOptions,
  type ClientInterceptor,
  type Next,
  type OutgoingCall,
} from './interceptor.js';
import type { MethodDefinition } from './method-definition.js';
import { isAsyncIterable } from './pump.js';
import { ResponseStream, type CallStarter } from './response-stream.js';
import { onlyMessage, streamOf } from './single-message.js';

type UnaryNext = Next<unknown, OutgoingCall, Promise<unknown>>;
type StreamNext = Next<AsyncIterable<unknown>, OutgoingCall, AsyncIterable<unknown>>;

/** Makes calls of the four kinds, as promises and async iterables, through the interceptors. */
export class Caller {
  readonly #starter: CallStarter;
  readonly #unary: UnaryNext | undefined;
  readonly #stream: StreamNext | undefined;

  constructor(starter: CallStarter, interceptors: readonly ClientInterceptor[]) {
    this.#starter = starter;
    const wraps = interceptors.flatMap(spreadOptions);
    const unary = ofKind(wraps, 'unary');
    const stream = ofKind(wraps, 'stream');
    if (unary.length > 0) {
      this.#unary = intercept(unary, (request, { method, options }) =>
        this.#callUnary(method, request, options),
      );
    }
    if (stream.length > 0)
      this.#stream = intercept(stream, (requests, call) => this.#open(requests, call));
  }

  unary<Request, Response>(
    method: MethodDefinition<Request, Response>,
    request: Request,
    options: CallOptions,
  ): Promise<Response> {
    if (this.#unary === undefined) return this.#callUnary(method, request, options);
    const outgoing = { method: method as MethodDefinition, options };
    return this.#unary(request, outgoing) as Promise<Response>;
  }

  serverStreaming<Request, Response>(
    method: MethodDefinition<Request, Response>,
    request: Request,
    options: CallOptions,
  ): AsyncIterable<Response> {
    if (this.#stream !== undefined) return this.#through(method, streamOf(request), options);
    return new ResponseStream(this.#starter, { method, options, input: { request } });
  }

  clientStreaming<Request, Response>(
    method: MethodDefinition<Request, Response>,
    requests: AsyncIterable<Request> | Iterable<Request>,
    options: CallOptions,
  ): Promise<Response> {
    return onlyMessage(this.bidirectional(method, requests, options));
  }

  bidirectional<Request, Response>(
    method: MethodDefinition<Request, Response>,
    requests: AsyncIterable<Request> | Iterable<Request>,
    options: CallOptions,
  ): AsyncIterable<Response> {
    if (this.#stream !== undefined) return this.#through(method, toAsync(requests), options);
    return new ResponseStream(this.#starter, { method, options, input: { requests } });
  }

  #callUnary<Request, Response>(
    method: MethodDefinition<Request, Response>,
    request: Request,
    options: CallOptions,
  ): Promise<Response> {
    const { defaultTimeoutMs } = this.#starter;
    return new Promise((resolve, reject) => {
      const start = { options, resolve, reject };
      this.#starter.start(new UnaryClientCall(method, request, start, defaultTimeoutMs));
    });
  }

  #through<Request, Response>(
    method: MethodDefinition<Request, Response>,
    requests: AsyncIterable<unknown>,
    options: CallOptions,
  ): AsyncIterable<Response> {
    const outgoing = { method: method as MethodDefinition, options };
    return (this.#stream as StreamNext)(requests, outgoing) as AsyncIterable<Response>;
  }

  /** The innermost of the stream interceptors. */
  #open(
    requests: AsyncIterable<unknown>,
    { method, options }: OutgoingCall,
  ): AsyncIterable<unknown> {
    if (method.kind !== 'serverStreaming') {
      return new ResponseStream(this.#starter, { method, options, input: { requests } });
    }
    const starter = this.#starter;
    return {
      async *[Symbol.asyncIterator]() {
        const request = await onlyMessage(requests);
        yield* new ResponseStream(starter, { method, options, input: { request } });
      },
    };
  }
}

/** An async iterable stays what it is: a generator around it could not be left while it waits. */
function toAsync<T>(messages: AsyncIterable<T> | Iterable<T>): AsyncIterable<T> {
  return isAsyncIterable(messages) ? messages : asyncOf(messages);
}

async function* asyncOf<T>(messages: Iterable<T>): AsyncGenerator<T, void> {
  yield* messages;
}
