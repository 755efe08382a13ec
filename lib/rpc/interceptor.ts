import type { CallContext, CallOptions } from './call.js';
import type { MethodDefinition } from './method-definition.js';

/** What an interceptor calls to go on; with other arguments than its own, if it likes. */
export type Next<Input, Context, Output> = (input: Input, context: Context) => Output;

/** Wraps a call: it may look, change, delay, retry, or answer without going on. */
export type Interceptor<Input, Context, Output> = (
  input: Input,
  context: Context,
  next: Next<Input, Context, Output>,
) => Output;

/** A call on its way out. */
export interface OutgoingCall {
  /** The method that is called. */
  readonly method: MethodDefinition;
  /** What the caller said about the call. */
  readonly options: CallOptions;
}

/**
 * Wraps the calls of a client. Give any of them; a kind without wraps nothing.
 *
 * @example
 * ```ts
 * const withToken: ClientInterceptor = {
 *   options: ({ options }) => ({ ...options, metadata: { token } }),
 * };
 * ```
 */
export interface ClientInterceptor {
  /** Calls with one request and one response. */
  unary?: Interceptor<unknown, OutgoingCall, Promise<unknown>>;
  /** Calls that stream in a direction; a single message is a stream of one. */
  stream?: Interceptor<AsyncIterable<unknown>, OutgoingCall, AsyncIterable<unknown>>;
  /**
   * What calls of both kinds are to be made with, in place of `call.options`; for what is no more
   * than metadata, a deadline or a signal. It comes before `unary` and `stream`.
   */
  options?(call: OutgoingCall): CallOptions;
}

/** Wraps the calls of a server. Give the one or both; a kind without wraps nothing. */
export interface ServerInterceptor {
  /** Calls with one request and one response. */
  unary?: Interceptor<unknown, CallContext, Promise<unknown>>;
  /** Calls that stream in a direction; a single message is a stream of one. */
  stream?: Interceptor<AsyncIterable<unknown>, CallContext, AsyncIterable<unknown>>;
}

/** Folds interceptors around what they lead to; the first in the list is the outermost. */
export function intercept<Input, Context, Output>(
  interceptors: readonly Interceptor<Input, Context, Output>[],
  innermost: Next<Input, Context, Output>,
): Next<Input, Context, Output> {
  return interceptors.reduceRight<Next<Input, Context, Output>>(
    (next, interceptor) => (input, context) => interceptor(input, context, next),
    innermost,
  );
}

/** The interceptors of one kind, in order. */
export function ofKind<
  Kind extends 'unary' | 'stream',
  Wraps extends ClientInterceptor | ServerInterceptor,
>(interceptors: readonly Wraps[], kind: Kind): NonNullable<Wraps[Kind]>[] {
  return interceptors.flatMap((interceptor) => {
    const wrap = interceptor[kind];
    // Bound, since an interceptor may be an instance of a class.
    return wrap === undefined ? [] : [wrap.bind(interceptor) as NonNullable<Wraps[Kind]>];
  });
}

/** An interceptor's `options` as an interceptor in front of it, which wraps calls of both kinds. */
export function spreadOptions(interceptor: ClientInterceptor): ClientInterceptor[] {
  if (interceptor.options === undefined) return [interceptor];
  const changed = (call: OutgoingCall): OutgoingCall => ({
    ...call,
    options: interceptor.options!(call),
  });
  return [
    {
      unary: (request, call, next) => next(request, changed(call)),
      stream: (requests, call, next) => next(requests, changed(call)),
    },
    interceptor,
  ];
}
