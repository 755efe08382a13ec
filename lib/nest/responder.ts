import { isObservable, Subscription, type Observable } from 'rxjs';
import { StatusError } from '../errors.js';
import { isAsyncIterable, isIterable, pump } from '../rpc/pump.js';
import type { ServerCall } from '../rpc/server-call.js';
import { StatusCode } from '../spec/status.js';
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
  if (isObservable(result)) {
    const sender = new ObservableSender(call);
    call.onStop(() => sender.stop());
    sender.start(result);
  } else if (isAsyncIterable(result) || isIterable(result)) {
    void pump(result, call);
  } else {
    void pump([result], call);
  }
}

/** The last value of a call that takes a stream, the first of one that takes a message. */
function takeOne(call: ServerCall, result: Observable<unknown>): void {
  const first = call.method.kind === 'unary';
  let has = false;
  let value: unknown;
  const subscription = new Subscription();
  const finish = (): void => {
    subscription.unsubscribe();
    if (has) void settle(call, value);
    else call.fail(new StatusError({ code: StatusCode.Internal, message: NO_RESPONSE }));
  };
  call.onStop(() => subscription.unsubscribe());
  const observer = {
    next: (emitted: unknown) => {
      if (has && first) return;
      has = true;
      value = emitted;
      if (first) finish();
    },
    error: (error: unknown) => call.fail(error),
    complete: () => {
      if (!has || !first) finish();
    },
  };
  subscription.add(result.subscribe(observer));
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
