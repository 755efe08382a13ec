import { AsyncResource } from 'node:async_hooks';
import { Observable, type Observer, type Operator, type Subscriber, type Subscription } from 'rxjs';
import { UsageError } from '../errors.js';
import type { ServerCall } from '../rpc/server-call.js';
import { failureOf } from './exception-status.js';

/**
 * The requests of a call as an Observable: in order and complete, whatever ran before the first
 * subscription. It errors, and does not complete, when the caller goes away.
 *
 * Several may subscribe, such as an interceptor and the handler behind it: the messages begin to
 * flow one turn of the event loop after the first subscription. Whoever comes when some are gone
 * is told so. What comes when nobody is left is dropped.
 */
export function requestObservable(call: ServerCall): Observable<unknown> {
  // Copied when it changes, so that whoever comes or goes while a message is handed on does no harm.
  let subscribers: readonly Subscriber<unknown>[] = [];
  let scheduled = false;
  let begun = false;
  const next = (message: unknown): void => {
    begun = true;
    for (const subscriber of subscribers) subscriber.next(message);
  };
  let end: Ending | undefined;
  const finish = (ending: Ending): void => {
    end = ending;
    for (const subscriber of subscribers) ending(subscriber);
  };
  const consume = (): void => {
    // Messages arrive in the socket's async context; subscribers keep that of their call.
    const scope = new AsyncResource('TTRPC_REQUESTS');
    call.requests?.consume({
      onMessage: (message) => scope.runInAsyncScope(next, undefined, message),
      onEnd: () => scope.runInAsyncScope(finish, undefined, completing),
      onError: (error) => scope.runInAsyncScope(finish, undefined, failing(error)),
    });
  };
  const source = new Observable<unknown>((subscriber) => {
    if (begun) return subscriber.error(call.cancellation ?? new UsageError(TOO_LATE));
    if (end !== undefined) return end(subscriber);
    if (!scheduled) setImmediate(consume);
    scheduled = true;
    subscribers = [...subscribers, subscriber];
    return () => void (subscribers = subscribers.filter((each) => each !== subscriber));
  });
  // Nest's @GrpcStreamMethod calls it once the method has returned. Here messages wait for a
  // subscriber anyway, which also serves decorators that never call it.
  return Object.assign(new Requests(call, source), { drainBuffer: () => undefined });
}

/** Tells a subscriber that no more requests come. */
type Ending = (subscriber: Subscriber<unknown>) => void;

const completing: Ending = (subscriber) => subscriber.complete();

function failing(error: Error): Ending {
  return (subscriber) => subscriber.error(error);
}

/**
 * What rxjs would throw at the process ends the call instead: an error of the requests that a
 * subscriber has no function for, as when the caller of `requests.subscribe({ next })` goes away,
 * and what a subscriber's functions throw. It holds for what `pipe` makes of it, too.
 */
class Requests<T> extends Observable<T> {
  readonly #call: ServerCall;

  constructor(call: ServerCall, source: Observable<unknown>, operator?: Operator<unknown, T>) {
    super();
    this.#call = call;
    this.source = source;
    this.operator = operator;
  }

  override lift<R>(operator?: Operator<T, R>): Observable<R> {
    return new Requests<R>(this.#call, this, operator);
  }

  override subscribe(
    observer?: Partial<Observer<T>> | ((value: T) => void) | null,
    error?: ((error: unknown) => void) | null,
    complete?: (() => void) | null,
  ): Subscription {
    const given = typeof observer === 'object' && observer !== null ? observer : undefined;
    // Those of operators, and Subjects, have their own way with errors.
    if (given !== undefined && 'closed' in given) return super.subscribe(given);
    const to =
      given ?? functionsOf(observer as ((value: T) => void) | null | undefined, error, complete);
    const fail = (thrown: unknown): void => this.#call.fail(failureOf(thrown));
    return super.subscribe({
      next: (value) => {
        try {
          to.next?.(value);
        } catch (thrown) {
          fail(thrown);
        }
      },
      error: (thrown: unknown) => {
        if (to.error === undefined) return fail(thrown);
        try {
          to.error(thrown);
        } catch (another) {
          fail(another);
        }
      },
      complete: () => {
        try {
          to.complete?.();
        } catch (thrown) {
          fail(thrown);
        }
      },
    });
  }
}

/** An observer of the functions that `subscribe` takes in its place. */
function functionsOf<T>(
  next?: ((value: T) => void) | null,
  error?: ((error: unknown) => void) | null,
  complete?: (() => void) | null,
): Partial<Observer<T>> {
  return {
    ...(typeof next === 'function' && { next }),
    ...(typeof error === 'function' && { error }),
    ...(typeof complete === 'function' && { complete }),
  };
}

const TOO_LATE = 'requests have been taken already: subscribe to them at once, or share() them';
