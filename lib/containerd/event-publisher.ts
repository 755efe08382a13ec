import { TtrpcClient } from '../engine/client.js';
import { positive } from '../engine/client-options.js';
import { hook } from '../engine/hook.js';
import { ConnectionError, StatusError, UsageError } from '../errors.js';
import { loadProtoText } from '../proto/proto-text.js';
import { Fifo } from '../rpc/fifo.js';
import { StatusCode } from '../spec/status.js';
import { toTimestamp, type ProtoTimestamp } from './timestamp.js';
import type { ProtoAny } from './typeurl.js';

/** What has happened, as the daemon's listeners are told. */
export interface TaskEvent {
  /** Such as `/tasks/exit`. */
  readonly topic: string;
  /** A message of `containerd.events`, as `packAny` closes it. */
  readonly event: ProtoAny;
  /** When it has happened. */
  readonly timestamp: ProtoTimestamp;
}

/** What may be said about a publisher. */
export interface EventPublisherOptions {
  /** containerd's ttrpc socket; a shim finds it in `TTRPC_ADDRESS`. */
  readonly address: string;
  /** containerd's namespace, in which it happens. */
  readonly namespace: string;
  /**
   * How long the daemon may take for one event, in milliseconds.
   * @defaultValue 5000
   */
  readonly timeoutMs?: number | undefined;
  /** An event is lost: it was tried too often, the daemon can't read it, or too many wait. */
  readonly onLost?: ((event: TaskEvent, error: Error) => void) | undefined;
}

const TIMEOUT_MS = 5000;
/** Attempts behind the first. The n-th comes n seconds after the one before. */
const MAX_RETRIES = 5;
const RETRY_MS = 1000;
/** Events that wait. */
const MAX_QUEUED = 2048;

/** Source: the Go module github.com/containerd/containerd/api v1.11.1, `services/ttrpc/events/v1`. */
const SERVICE = 'containerd.services.events.ttrpc.v1.Events';
const FORWARD = loadProtoText(`
  syntax = "proto3";
  package containerd.services.events.ttrpc.v1;
  service Events { rpc Forward(ForwardRequest) returns (Empty); }
  message ForwardRequest { Envelope envelope = 1; }
  message Envelope { Timestamp timestamp = 1; string namespace = 2; string topic = 3; Any event = 4; }
  message Timestamp { int64 seconds = 1; int32 nanos = 2; }
  message Any { string type_url = 1; bytes value = 2; }
  message Empty {}
`).method<{ envelope: TaskEvent & { namespace: string } }, object>(SERVICE, 'Forward');

/**
 * Tells containerd what happens to a shim's tasks, one event after the other, in order.
 *
 * As containerd's own shims do: an event whose connection is lost is sent again at once, on a new
 * one; what fails otherwise is tried again after 1, 2, 3, 4 and 5 seconds, while the events behind it
 * wait. So events outlast a restart of the daemon, and one may come twice.
 *
 * Source: containerd `pkg/shim/publisher.go`, whose retried events are overtaken by later ones.
 *
 * @example
 * ```ts
 * const events = new EventPublisher({ address: process.env['TTRPC_ADDRESS']!, namespace: 'default' });
 * const start = packAny(catalog, 'containerd.events.TaskStart', { containerId: 'c1', pid: 42 });
 * events.publish('/tasks/start', start);
 * await events.close({ graceMs: 5000 });
 * ```
 */
export class EventPublisher {
  readonly #client: TtrpcClient;
  readonly #namespace: string;
  readonly #timeoutMs: number;
  readonly #onLost: (event: TaskEvent, error: Error) => void;
  readonly #queue = new Fifo<TaskEvent>();
  /** Resolves when nothing waits any more. */
  #running: Promise<void> | undefined;
  /** Ends the wait for the next attempt. */
  #hurry: (() => void) | undefined;
  #closed = false;
  #givenUp = false;

  /** @throws TypeError or RangeError naming the option, what it got and what is allowed */
  constructor({ address, namespace, timeoutMs, onLost }: EventPublisherOptions) {
    this.#namespace = namespace;
    this.#timeoutMs = positive('timeoutMs', timeoutMs ?? TIMEOUT_MS);
    this.#onLost = hook(onLost);
    // The pauses between attempts are this class's own.
    this.#client = new TtrpcClient({ address, reconnect: { initialMs: 1, maxMs: 1 } });
  }

  /** Events that the daemon has not taken yet. */
  get waiting(): number {
    return this.#queue.length + (this.#running === undefined ? 0 : 1);
  }

  /**
   * Publishes an event behind those before it; does not wait for it.
   *
   * @param topic - begins with a slash
   * @throws TypeError when the topic is none
   * @throws UsageError when the publisher is closed
   */
  publish(topic: string, event: ProtoAny): void {
    if (!topic.startsWith('/')) throw new TypeError(`topic must begin with "/", got ${topic}`);
    if (this.#closed) throw new UsageError('publisher is closed');
    const entry = { topic, event, timestamp: toTimestamp() };
    if (this.waiting >= MAX_QUEUED) {
      this.#onLost(entry, new Error(`${MAX_QUEUED} events wait already`));
      return;
    }
    this.#queue.push(entry);
    this.#running ??= this.#run();
  }

  /**
   * Publishes what waits, and closes the connection.
   *
   * @param graceMs - when to give up what still waits, in milliseconds
   */
  async close({ graceMs }: { readonly graceMs: number }): Promise<void> {
    this.#closed = true;
    const grace = setTimeout(() => {
      this.#givenUp = true;
      this.#hurry?.();
      void this.#client.close();
    }, graceMs);
    await this.#running;
    clearTimeout(grace);
    await this.#client.close();
  }

  async #run(): Promise<void> {
    while (this.#queue.length > 0) {
      const event = this.#queue.take();
      const error = await this.#deliver(event);
      if (error !== undefined) this.#onLost(event, error);
    }
    this.#running = undefined;
  }

  /** Tries as often as it may; gives the last error if the event is lost. */
  async #deliver(event: TaskEvent): Promise<Error | undefined> {
    for (let retries = 0; ; retries++) {
      try {
        await this.#forward(event);
        return undefined;
      } catch (error) {
        if (this.#givenUp || retries === MAX_RETRIES || isHopeless(error)) return error as Error;
        await this.#pause((retries + 1) * RETRY_MS);
        if (this.#givenUp) return error as Error;
      }
    }
  }

  async #forward(event: TaskEvent): Promise<void> {
    const request = { envelope: { ...event, namespace: this.#namespace } };
    const options = { timeoutMs: this.#timeoutMs };
    try {
      await this.#client.unary(FORWARD, request, options);
    } catch (error) {
      if (!isLost(error)) throw error;
      await this.#client.unary(FORWARD, request, options);
    }
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#hurry = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}

/** Whether there was a connection, which another may replace. */
function isLost(error: unknown): boolean {
  return error instanceof ConnectionError && error.reason !== 'dial' && error.reason !== 'local';
}

/** Whether the daemon has read the event, and would say the same again. */
function isHopeless(error: unknown): boolean {
  return (
    error instanceof StatusError &&
    error.origin === 'remote' &&
    error.code === StatusCode.InvalidArgument
  );
}
