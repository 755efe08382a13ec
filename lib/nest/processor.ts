import type { Observable } from 'rxjs';
import type { ServerCall } from '../rpc/server-call.js';
import { METHOD_SHAPES } from '../spec/method.js';
import { afterCall } from './after-call.js';
import { failureOf } from './exception-status.js';
import type { BoundMethod } from './handler-binding.js';
import { requestObservable } from './request-observable.js';
import { callbackOf, respondOnce, respondStream } from './responder.js';
import { TtrpcServerCall } from './ttrpc-call.js';
import { TtrpcDuplexCall } from './ttrpc-duplex-call.js';

/** A handler as Nest registers it: it never throws, and its promise hardly ever rejects. */
type NestHandler = (...args: unknown[]) => Promise<unknown>;

/** A call's context for hooks, and what starts its handler. */
export type Processor = (call: ServerCall) => readonly [context: unknown, run: () => void];

/** How the calls of a method reach its handler. */
export function processorOf(bound: BoundMethod): Processor {
  return bound.streaming === 'pt_stream' ? processPassThrough(bound) : processMessages(bound);
}

/** Handlers that take the request, or an Observable of requests, and return what to answer. */
function processMessages({ method, handler }: BoundMethod): Processor {
  const { requestStream, responseStream } = METHOD_SHAPES[method.kind];
  const respond = responseStream ? respondStream : respondOnce;
  const nestHandler = handler as NestHandler;
  return (call) => {
    const context = new TtrpcServerCall(call);
    const run = (): void => {
      const input = requestStream ? requestObservable(call) : call.request;
      settle(call, nestHandler(input, call.metadata, context), respond);
    };
    return [context, run];
  };
}

/** Handlers that take the raw call, and a callback if there is one response. */
function processPassThrough({ method, handler }: BoundMethod): Processor {
  const nestHandler = handler as NestHandler;
  return (call) => {
    const duplex = new TtrpcDuplexCall(call);
    const run = (): void => {
      const last = method.kind === 'clientStreaming' ? callbackOf(call) : undefined;
      settle(call, nestHandler(duplex, last, undefined), watchResult);
    };
    return [duplex, run];
  };
}

/** Whatever happens to a handler, its call has an end. */
function settle(
  call: ServerCall,
  result: Promise<unknown>,
  respond: (call: ServerCall, result: unknown) => void,
): void {
  result.then(
    (value) => {
      try {
        respond(call, value);
      } catch (error) {
        call.fail(error);
      }
    },
    (error: unknown) => call.fail(failureOf(error)),
  );
}

/** A pass-through handler answers by itself; only its failure is of interest. */
function watchResult(call: ServerCall, result: unknown): void {
  const { subscribe } = (result ?? {}) as { subscribe?: unknown };
  if (typeof subscribe !== 'function' || !call.active) return;
  const subscription = (result as Observable<unknown>).subscribe({
    error: (error: unknown) => call.fail(failureOf(error)),
  });
  afterCall(call, () => subscription.unsubscribe());
}
