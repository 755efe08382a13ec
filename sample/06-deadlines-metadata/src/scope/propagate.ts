import type { CallOptions, ClientInterceptor } from 'nestjs-ttrpc';
import { callScope } from './call-scope.js';

/** Gives a call that a handler makes the handler's request id, deadline and signal. */
export const propagate: ClientInterceptor = {
  unary: (request, call, next) => next(request, { ...call, options: scoped(call.options) }),
};

function scoped(options: CallOptions): CallOptions {
  const scope = callScope.getStore();
  if (scope === undefined) return options;
  const { requestId, deadline, signal } = scope;
  return { deadline, signal, metadata: { 'request-id': requestId }, ...options };
}
