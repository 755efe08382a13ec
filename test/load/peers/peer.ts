import type { CallOptions, ConnectionOptions, TtrpcStats } from '../../../lib/engine/index.js';

/** What the processes of a study are made with. */
export interface Config {
  readonly peer: PeerName;
  /** Of the unix socket. */
  readonly path: string;
  /** Of load.proto. */
  readonly proto: string;
  /** The sockets' buffers, in bytes; absent: the system's. */
  readonly buffers?: number;
  /** Bounds of the connections. */
  readonly bounds?: ConnectionOptions;
  /** File to which a server adds the number of each call that its handlers have begun. */
  readonly effects?: string;
}

export type PeerName = 'engine' | 'nest';

export const PACKAGE = 'load.v1';
export const SERVICE = `${PACKAGE}.Load`;

/** Messages are complete: no field is left out. */
export const LOADER = { defaults: true } as const;

export interface Item {
  readonly call: number;
  readonly index: number;
  readonly lagMs: number;
  readonly data: Uint8Array;
}

export interface Order {
  readonly call: number;
  readonly count: number;
  readonly size: number;
  readonly observable: boolean;
  readonly paceMs: number;
}

export interface Total {
  readonly call: number;
  readonly count: number;
  readonly bytes: number;
}

export interface Blob {
  readonly data: Uint8Array;
}

/** The kinds of call, by the rpc that stands for each. */
export type Kind = 'echo' | 'download' | 'upload' | 'chat';

export const KINDS: readonly Kind[] = ['echo', 'download', 'upload', 'chat'];

/** A call that is to be made. */
export interface Plan {
  readonly kind: Kind;
  /** Its number, which no other call has; above 0. */
  readonly call: number;
  /** Items each way; of a unary call 1. */
  readonly count: number;
  /** Bytes of an item. */
  readonly size: number;
  /** By Observables, where there are any; else by promises and iterables. */
  readonly observables: boolean;
  /** How long the handler waits over the first item that it gets, in milliseconds. */
  readonly handlerLagMs: number;
  /** What the caller's loop waits for over the first item of a stream; not with Observables. */
  readonly callerRest?: () => Promise<void>;
  /** Between two items that are endless or downloaded, in milliseconds; 0: as fast as they are taken. */
  readonly paceMs: number;
  readonly options: CallOptions;
}

/** A call of each kind, of which only the number matters. */
export function planOf(kind: Kind, call: number, other: Partial<Plan> = {}): Plan {
  const none = { handlerLagMs: 0, paceMs: 0, options: {} };
  return { kind, call, count: 1, size: 16, observables: false, ...none, ...other };
}

/** One client and its connection. */
export interface LoadClient {
  connect(): Promise<void>;
  /**
   * Makes a call, and tells each right message that comes.
   *
   * @throws WrongAnswer when what comes is not what is due
   * @throws TtrpcError when the call fails
   */
  make(plan: Plan, onMessage?: () => void): Promise<void>;
  /** Makes a call and gives it up: before its answer, or after the first item of a stream. */
  giveUp(plan: Plan): Promise<void>;
  /** Sends that much and checks what comes back. */
  lift(data: Uint8Array): Promise<void>;
  /** Uploads without end to a handler that takes one item. */
  hold(plan: Plan): Promise<void>;
  stats(): TtrpcStats;
  close(): Promise<void>;
}

export interface LoadServer {
  stats(): TtrpcStats;
  shutdown(): Promise<void>;
  close(): Promise<void>;
}

/** An answer that no server may give. */
export class WrongAnswer extends Error {}

/** Holds what comes of a call against its plan. */
export class Checked {
  readonly #plan: Plan;
  readonly #onMessage: () => void;
  #items = 0;
  #ended = false;

  constructor(plan: Plan, onMessage: () => void = () => undefined) {
    this.#plan = plan;
    this.#onMessage = onMessage;
  }

  item({ call, index, data }: Item): void {
    const { kind, count, size } = this.#plan;
    const due = { call: this.#plan.call, index: this.#items, bytes: size };
    const right = call === due.call && index === due.index && data.length === due.bytes;
    if (!right || this.#items === count) {
      throw this.#wrong(`item ${index} of call ${call} with ${data.length} bytes`);
    }
    if (kind === 'echo' && this.#ended) throw this.#wrong('a second answer');
    this.#items += 1;
    this.#onMessage();
  }

  total({ call, count, bytes }: Total): void {
    const due = this.#plan.count;
    if (call !== this.#plan.call || count !== due || bytes !== due * this.#plan.size) {
      throw this.#wrong(`a total of ${count} items with ${bytes} bytes for call ${call}`);
    }
    this.#items = due;
    this.#onMessage();
  }

  /** The call has ended well. */
  end(): void {
    if (this.#ended) throw this.#wrong('a second end');
    this.#ended = true;
    if (this.#items !== this.#plan.count) throw this.#wrong(`an end after ${this.#items} items`);
  }

  #wrong(what: string): WrongAnswer {
    const { kind, call, count, size } = this.#plan;
    return new WrongAnswer(`${kind} ${call} of ${count} × ${size} bytes got ${what}`);
  }
}

/** The generators of messages: those that nobody has left, and what all have given. */
export const sources = { open: 0, given: 0, givenBytes: 0 };

/** The items of a call. */
export function* items({ call, count, size, handlerLagMs }: Plan): Generator<Item, void> {
  const data = Buffer.alloc(size, 'x');
  sources.open += 1;
  try {
    for (let index = 0; index < count; index++) {
      sources.given += 1;
      sources.givenBytes += data.length;
      yield { call, index, lagMs: index === 0 ? handlerLagMs : 0, data };
    }
  } finally {
    sources.open -= 1;
  }
}

/** The one item of a unary call. */
export function itemOf({ call, size, handlerLagMs }: Plan): Item {
  return { call, index: 0, lagMs: handlerLagMs, data: Buffer.alloc(size, 'x') };
}

/** Those of a stream that nobody ends but the peer. */
export async function* endlessItems(plan: Plan): AsyncGenerator<Item, void> {
  const data = Buffer.alloc(plan.size, 'x');
  sources.open += 1;
  try {
    for (let index = 0; ; index++) {
      sources.given += 1;
      sources.givenBytes += data.length;
      yield { call: plan.call, index, lagMs: 0, data };
      if (plan.paceMs > 0) await sleep(plan.paceMs);
    }
  } finally {
    sources.open -= 1;
  }
}

export function orderOf({ call, count, size, observables, paceMs }: Plan): Order {
  return { call, count, size, observable: observables, paceMs };
}

export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
