import { isObservable, Observable, Subscription, take, takeLast } from 'rxjs';
import { StatusError } from '../errors.js';
import { isAsyncIterable, isIterable, pump } from '../rpc/pump.js';
import type { ServerCall } from '../rpc/server-call.js';
import { StatusCode } from '../spec/status.js';
import { afterCall } from './after-call.js';
import { ObservableSender } from './observable-sender.js';

/**
 * Answers a call that has one response with what its handler gave: a value, or an Observable of
 * one. An absent value is the empty message.
 */
export function respondOnce(call: ServerCall, result: unknown): void {
  if (isObservable(result)) takeOne(call, result);
  else call.reply(result);
}

/**
 * Answers a call that has a stream of responses with what its handler gave: an Observable, an
 * (async) iterable, or a single value.
 */
export function respondStream(call: ServerCall, result: unknown): void {
  // Whoever is gone by now must not set off what a cold Observable does.
  if (!call.active) return;
  if (isObservable(result)) {
    const sender = new ObservableSender(call);
    afterCall(call, () => sender.stop());
    sender.start(unpacked(call, result));
  } else {
    void pump(isMany(result) ? result : [result], call);
  }
}

/**
 * Behind an interceptor an (async) iterable comes as the one message of an Observable, since Nest
 * wraps what the handler returned.
 */
function unpacked(call: ServerCall, result: Observable<unknown>): Observable<unknown> {
  return new Observable((subscriber) => {
    let many = false;
    return result.subscribe({
      next: (message) => {
        if (!isMany(message)) return subscriber.next(message);
        many = true;
        void pump(message, call);
      },
      error: (error: unknown) => subscriber.error(error),
      complete: () => {
        if (!many) subscriber.complete();
      },
    });
  });
}

function isMany(value: unknown): value is AsyncIterable<unknown> | Iterable<unknown> {
  return isAsyncIterable(value) || isIterable(value);
}

/** The last value of a call that takes a stream, the first of one that takes a message. */
function takeOne(call: ServerCall, result: Observable<unknown>): void {
  if (!call.active) return;
  const one = result.pipe(call.method.kind === 'unary' ? take(1) : takeLast(1));
  let answered = false;
  const subscription = new Subscription();
  afterCall(call, () => subscription.unsubscribe());
  const observer = {
    next: (value: unknown) => {
      answered = true;
      void settle(call, value);
    },
    error: (error: unknown) => call.fail(error),
    complete: () => {
      if (answered) return;
      call.fail(new StatusError({ code: StatusCode.Internal, message: NO_RESPONSE }));
    },
  };
  subscription.add(one.subscribe(observer));
}

/** The wording is Nest's. */
const NO_RESPONSE = 'The handler completed without emitting a response';

/** An emitted promise is waited for, as Nest's gRPC transport does. */
async function settle(call: ServerCall, value: unknown): Promise<void> {
  try {
    call.reply(await value);
  } catch (error) {
    call.fail(error);
  }
}
