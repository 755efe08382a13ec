import { AsyncResource } from 'node:async_hooks';
import { Observable, Subject } from 'rxjs';
import { UsageError } from '../errors.js';
import type { ServerCall } from '../rpc/server-call.js';

/**
 * The requests of a call as an Observable: in order and complete, whatever ran before the first
 * subscription. It errors, and does not complete, when the caller goes away.
 *
 * Several may subscribe, such as an interceptor and the handler behind it: the messages begin to
 * flow one turn of the event loop after the first subscription. Whoever comes when some are gone
 * is told so. What comes when nobody is left is dropped.
 */
export function requestObservable(call: ServerCall): Observable<unknown> {
  const subject = new Subject<unknown>();
  let scheduled = false;
  let begun = false;
  const next = (message: unknown): void => {
    begun = true;
    subject.next(message);
  };
  const consume = (): void => {
    // Messages arrive in the socket's async context; subscribers keep that of their call.
    const scope = new AsyncResource('TTRPC_REQUESTS');
    call.requests?.consume({
      onMessage: (message) => scope.runInAsyncScope(next, undefined, message),
      onEnd: () => scope.runInAsyncScope(() => subject.complete()),
      onError: (error) => scope.runInAsyncScope(() => subject.error(error)),
    });
  };
  const observable = new Observable<unknown>((subscriber) => {
    if (begun) return subscriber.error(call.cancellation ?? new UsageError(TOO_LATE));
    if (!scheduled) setImmediate(consume);
    scheduled = true;
    return subject.subscribe(subscriber);
  });
  // Nest's @GrpcStreamMethod calls it once the method has returned. Here messages wait for a
  // subscriber anyway, which also serves decorators that never call it.
  return Object.assign(observable, { drainBuffer: () => undefined });
}

const TOO_LATE = 'requests have been taken already: subscribe to them at once, or share() them';
