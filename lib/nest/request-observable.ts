import { Observable, Subject } from 'rxjs';
import type { ServerCall } from '../rpc/server-call.js';

/**
 * The requests of a call as an Observable: in order, from the first subscription on, complete
 * whatever ran before that. It errors, and does not complete, when the caller goes away. Several
 * may subscribe; when the last one leaves, what still comes is dropped.
 */
export function requestObservable(call: ServerCall): Observable<unknown> {
  const { requests } = call;
  const subject = new Subject<unknown>();
  let started = false;
  const observable = new Observable<unknown>((subscriber) => {
    const subscription = subject.subscribe(subscriber);
    if (!started) {
      started = true;
      requests?.consume({
        onMessage: (message) => subject.next(message),
        onEnd: () => subject.complete(),
        onError: (error) => subject.error(error),
      });
    }
    return () => {
      subscription.unsubscribe();
      if (!subject.observed) requests?.discard();
    };
  });
  // Nest's @GrpcStreamMethod calls it once the method has returned. Here messages wait for a
  // subscriber anyway, which also serves decorators that never call it.
  return Object.assign(observable, { drainBuffer: () => undefined });
}
