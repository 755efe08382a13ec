import { AsyncLocalStorage } from 'node:async_hooks';

/** What the calls that a handler makes take over from the handler's own. */
export interface CallScope {
  readonly requestId: string;
  readonly deadline: Date | undefined;
  readonly signal: AbortSignal;
}

/** The scope of the call that is being handled. */
export const callScope = new AsyncLocalStorage<CallScope>();
