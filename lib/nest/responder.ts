import { Logger } from '@nestjs/common';
import { isObservable, Observable, Subscription, take, takeLast } from 'rxjs';
import { StatusError } from '../errors.js';
import { isAsyncIterable, isIterable, pump, type PumpTarget } from '../rpc/pump.js';
import type { ServerCall } from '../rpc/server-call.js';
import { StatusCode } from '../spec/status.js';
import { afterCall } from './after-call.js';
import { failureOf } from './exception-status.js';
import { ObservableSender, type MessageTarget } from './observable-sender.js';

/**
 * Answers a call that has one response with what its handler gave: a value, or an Observable or
 * generator of one. An absent value is the empty message.
 */
export function respondOnce(call: ServerCall, result: unknown): void {
  if (isObservable(result)) takeOne(call, result);
  else answer(call, result);
}

/** What a handler that answers by itself calls: with an error, or with the one response. */
export function callbackOf(call: ServerCall): (error: unknown, response?: unknown) => void {
  return (error, response) => {
    if (error === null || error === undefined) call.reply(response);
    else call.fail(failureOf(error));
  };
}

/**
 * Answers a call that has a stream of responses with what its handler gave: an Observable, an
 * (async) iterable, or a single value.
 */
export function respondStream(call: ServerCall, result: unknown): void {
  // Whoever is gone by now must not set off what a cold Observable does.
  if (!call.active) return;
  if (isObservable(result)) {
    const sender = new ObservableSender(new MessageSender(call));
    afterCall(call, () => sender.stop());
    sender.start(unpacked(call, result));
  } else {
    void pump(isMany(result) ? result : [result], new MessageSender(call));
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
        void pump(message, new MessageSender(call));
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
  // An Observable of one message may complete before it is unsubscribed from: interceptors wait for
  // that. A second message would not be sent, and ends it.
  const one = result.pipe(call.method.kind === 'unary' ? take(2) : takeLast(1));
  let answered = false;
  const subscription = new Subscription();
  afterCall(call, () => subscription.unsubscribe());
  const observer = {
    next: (value: unknown) => {
      if (answered) return warnOfMore(call);
      answered = true;
      void settle(call, value);
    },
    error: (error: unknown) => call.fail(failureOf(error)),
    complete: () => {
      if (!answered) call.fail(noResponse());
    },
  };
  subscription.add(one.subscribe(observer));
}

const logger = new Logger('ServerTtrpc');
const warned = new WeakSet<object>();

/** Says once of a method that its handler gives more than is sent. */
function warnOfMore({ method }: ServerCall): void {
  if (warned.has(method)) return;
  warned.add(method);
  const { service, name } = method;
  logger.warn(`handler of ${service}/${name} gave a second response; the first was sent`);
}

/** An emitted promise is waited for, as Nest's gRPC transport does. */
async function settle(call: ServerCall, value: unknown): Promise<void> {
  try {
    answer(call, await value);
  } catch (error) {
    call.fail(failureOf(error));
  }
}

/** Answers with a message, or with that of a generator: of those it gives, the one as of an Observable. */
function answer(call: ServerCall, value: unknown): void {
  if (isAsyncIterable(value) || isIterator(value)) void pump(value, new MessageTaker(call));
  else call.reply(value);
}

/** A generator: arrays, maps and bytes are values, and may be messages where there is one. */
function isIterator(value: unknown): value is Iterable<unknown> {
  return isIterable(value) && typeof (value as { next?: unknown }).next === 'function';
}

/** Sends messages; errors may be such as no filter of Nest's has seen. */
class MessageSender implements PumpTarget<unknown>, MessageTarget {
  protected readonly call: ServerCall;

  constructor(call: ServerCall) {
    this.call = call;
  }

  get active(): boolean {
    return this.call.active;
  }

  send(message: unknown): boolean {
    if (isThenable(message)) throw promised(message);
    return this.call.send(message);
  }

  drained(): Promise<void> {
    return this.call.drained();
  }

  whenDrained(drained: () => void): void {
    this.call.whenDrained(drained);
  }

  end(): void {
    this.call.end();
  }

  fail(error: unknown): void {
    this.call.fail(failureOf(error));
  }

  onStop(stop: () => void): void {
    afterCall(this.call, stop);
  }
}

/** Takes one of the messages: the first if the call took a message, the last if it took a stream. */
class MessageTaker extends MessageSender {
  #last: { readonly message: unknown } | undefined;

  override send(message: unknown): boolean {
    if (this.call.method.kind === 'unary') this.call.reply(message);
    else this.#last = { message };
    return true;
  }

  override end(): void {
    if (this.#last === undefined) this.call.fail(noResponse());
    else this.call.reply(this.#last.message);
  }
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as { then?: unknown } | null | undefined)?.then === 'function';
}

/** A promise among messages would be sent as an empty one, and its rejection end the process. */
function promised(message: PromiseLike<unknown>): StatusError {
  message.then(undefined, () => undefined);
  return new StatusError({ code: StatusCode.Internal, message: PROMISED });
}

const PROMISED = 'a promise is no message of a stream: await it, or use concatMap';

/** The wording is Nest's. */
function noResponse(): StatusError {
  const message = 'The handler completed without emitting a response';
  return new StatusError({ code: StatusCode.Internal, message });
}
