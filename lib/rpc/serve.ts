import { StatusError } from '../errors.js';
import { METHOD_SHAPES } from '../spec/method.js';
import { StatusCode } from '../spec/status.js';
import type { CallContext, Handler } from './call.js';
import type { MethodDefinition } from './method-definition.js';
import { isAsyncIterable, isIterable, pump } from './pump.js';
import type { RawHandler, ServerCall } from './server-call.js';

/** A handler whatever its kind: the request or the stream of requests, and the context. */
type AnyHandler = (input: unknown, context: CallContext) => unknown;

/** Makes a handler of promises and iterables serve the calls of a method. */
export function serve(method: MethodDefinition, handler: Handler): RawHandler {
  const { requestStream, responseStream } = METHOD_SHAPES[method.kind];
  const finish = responseStream ? answerStream : answer;
  return (call) => {
    const input = requestStream ? call.requests : call.request;
    finish(call, (handler as AnyHandler)(input, call));
  };
}

function answer(call: ServerCall, result: unknown): void {
  if (!isThenable(result)) return call.reply(result);
  result.then(
    (message) => call.reply(message),
    (error: unknown) => call.fail(error),
  );
}

function answerStream(call: ServerCall, result: unknown): void {
  if (isAsyncIterable(result) || isIterable(result)) {
    void pump(result, call);
    return;
  }
  // Of an async function where a generator was meant: its rejection is the call's, and nobody else's.
  if (isThenable(result)) {
    result.then(
      (iterable) => answerStream(call, iterable),
      (error: unknown) => call.fail(error),
    );
    return;
  }
  const got = result === null ? 'null' : typeof result;
  const message = `handler of a response stream must return an (async) iterable, got ${got}`;
  call.fail(new StatusError({ code: StatusCode.Internal, message }));
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return (
    typeof value === 'object' &&
    value !== null &&
    typeof (value as { then?: unknown }).then === 'function'
  );
}
