import type { ClientInterceptor } from 'nestjs-ttrpc';
import { callScope } from './call-scope.js';

/** Gives a call that a handler makes the handler's request id, deadline and signal. */
export const propagate: ClientInterceptor = {
  options({ options }) {
    const scope = callScope.getStore();
    if (scope === undefined) return options;
    const { requestId, deadline, signal } = scope;
    return { deadline, signal, metadata: { 'request-id': requestId }, ...options };
  },
};
