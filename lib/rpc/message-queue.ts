import { BufferFullError, UsageError } from '../errors.js';
import { Fifo } from './fifo.js';

/** What a message costs besides its payload, in bytes: the object that it was decoded into. */
export const MESSAGE_OVERHEAD = 128;

/** What a queue needs of the call that it belongs to. */
export interface QueueOwner {
  /** Bytes that may wait before reading pauses. */
  readonly maxBytes: number;
  /** How long reading may pause for this queue, in milliseconds. */
  readonly stallTimeoutMs: number;
  pauseReading(): void;
  resumeReading(): void;
  /** So many bytes more wait. */
  hold(bytes: number): void;
  /** So many bytes wait no more. */
  release(bytes: number): void;
  /** The consumer took too long: the call is to end with this error. */
  onStalled(error: BufferFullError): void;
  /** The consumer wants no more. */
  onReturn(): void;
}

/** Takes messages as they come, instead of asking for each. */
export interface MessageConsumer<T> {
  onMessage(message: T): void;
  onEnd(): void;
  onError(error: Error): void;
}

interface Waiter<T> {
  resolve(result: IteratorResult<T, undefined>): void;
  reject(error: Error): void;
}

const DONE: IteratorReturnResult<undefined> = Object.freeze({ done: true, value: undefined });

/**
 * Bounded bridge from the messages of one stream to whoever takes them, in order: a `for await`
 * loop, or one {@link MessageConsumer}. Above the bound the connection stops reading, for a bounded
 * time; a consumer that takes longer loses the call.
 */
export class MessageQueue<T> implements AsyncIterableIterator<T, undefined> {
  readonly #owner: QueueOwner;
  readonly #messages = new Fifo<T>();
  readonly #sizes = new Fifo<number>();
  #bytes = 0;
  #waiters: Waiter<T>[] = [];
  #consumer: MessageConsumer<T> | undefined;
  #delivering = false;
  #ended = false;
  #error: Error | undefined;
  #stallTimer: NodeJS.Timeout | undefined;

  constructor(owner: QueueOwner) {
    this.#owner = owner;
  }

  /** Adds a message whose payload has `size` bytes. */
  push(message: T, size: number): void {
    if (this.#ended) return;
    if (this.#waiters.length > 0) {
      const waiter = this.#waiters.shift() as Waiter<T>;
      return waiter.resolve({ done: false, value: message });
    }
    const consumer = this.#consumer;
    if (consumer !== undefined && !this.#delivering && this.#messages.length === 0) {
      return this.#hand(consumer, message);
    }
    const bytes = size + MESSAGE_OVERHEAD;
    this.#messages.push(message);
    this.#sizes.push(bytes);
    this.#bytes += bytes;
    this.#owner.hold(bytes);
    if (consumer !== undefined) this.#deliver(consumer);
    else if (this.#bytes > this.#owner.maxBytes) this.#pause();
  }

  /** No more messages follow. */
  end(): void {
    this.#finish(undefined);
  }

  /** No more messages follow; the consumer gets `error` behind those that wait. */
  fail(error: Error): void {
    this.#finish(error);
  }

  /** Hands every message, those that wait first, to `consumer`; the queue can't be iterated then. */
  consume(consumer: MessageConsumer<T>): void {
    if (this.#consumer !== undefined || this.#waiters.length > 0) {
      throw new UsageError('messages of a stream can be taken only once');
    }
    this.#consumer = consumer;
    this.#deliver(consumer);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** @internal Takes a message that waits, if one does. */
  poll(): IteratorYieldResult<T> | undefined {
    return this.#messages.length > 0 ? { done: false, value: this.#take() } : undefined;
  }

  next(): Promise<IteratorResult<T, undefined>> {
    const waiting = this.poll();
    if (waiting !== undefined) return Promise.resolve(waiting);
    if (this.#error !== undefined) {
      const error = this.#error;
      this.#error = undefined;
      return Promise.reject(error);
    }
    if (this.#ended) return Promise.resolve(DONE);
    return new Promise((resolve, reject) => this.#waiters.push({ resolve, reject }));
  }

  return(): Promise<IteratorResult<T, undefined>> {
    this.discard();
    this.#owner.onReturn();
    // Whoever leaves is told no more, not even how the call ended.
    this.#error = undefined;
    return Promise.resolve(DONE);
  }

  /**
   * Drops what waits and everything to come. A consumer that would have got more is told so by the
   * error that `cutOff` makes, if there is one; an error that it has not had yet stays.
   */
  discard(cutOff?: () => Error): void {
    const whole = this.#ended && this.#messages.length === 0;
    if (cutOff !== undefined && !whole) return this.abort(cutOff());
    this.#forget();
    this.#finish(undefined);
  }

  /** Drops what waits; `error` is the next thing that the consumer gets. */
  abort(error: Error): void {
    this.#forget();
    if (this.#ended) this.#error = error;
    else this.#finish(error);
  }

  #forget(): void {
    this.#messages.clear();
    this.#sizes.clear();
    this.#owner.release(this.#bytes);
    this.#bytes = 0;
  }

  #finish(error: Error | undefined): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#error = error;
    // Nothing more can pile up, so the consumer may take its time.
    this.#unpause();
    for (const waiter of this.#waiters.splice(0)) {
      if (this.#error === undefined) waiter.resolve(DONE);
      else {
        waiter.reject(this.#error);
        this.#error = undefined;
      }
    }
    if (this.#consumer !== undefined) this.#deliver(this.#consumer);
  }

  /** Nothing waits: the message need not either. */
  #hand(consumer: MessageConsumer<T>, message: T): void {
    this.#delivering = true;
    try {
      consumer.onMessage(message);
    } finally {
      this.#delivering = false;
    }
    if (this.#ended || this.#messages.length > 0) this.#deliver(consumer);
  }

  /** State first, callback last, and one message at a time: a consumer may push, or end the call. */
  #deliver(consumer: MessageConsumer<T>): void {
    if (this.#delivering) return;
    this.#delivering = true;
    try {
      while (this.#messages.length > 0) consumer.onMessage(this.#take());
    } finally {
      this.#delivering = false;
    }
    if (!this.#ended) return;
    if (this.#error === undefined) consumer.onEnd();
    else consumer.onError(this.#error);
  }

  #take(): T {
    const message = this.#messages.take();
    const bytes = this.#sizes.take();
    this.#bytes -= bytes;
    this.#owner.release(bytes);
    if (this.#bytes <= this.#owner.maxBytes) this.#unpause();
    return message;
  }

  #pause(): void {
    if (this.#stallTimer !== undefined) return;
    this.#owner.pauseReading();
    this.#stallTimer = setTimeout(() => this.#stall(), this.#owner.stallTimeoutMs);
  }

  #unpause(): void {
    if (this.#stallTimer === undefined) return;
    clearTimeout(this.#stallTimer);
    this.#stallTimer = undefined;
    this.#owner.resumeReading();
  }

  #stall(): void {
    const { maxBytes, stallTimeoutMs } = this.#owner;
    const error = new BufferFullError(
      `consumer of a stream left more than ${maxBytes} bytes untaken for ${stallTimeoutMs} ms` +
        ' (maxStreamBufferBytes, stallTimeoutMs)',
    );
    this.abort(error);
    this.#owner.onStalled(error);
  }
}
