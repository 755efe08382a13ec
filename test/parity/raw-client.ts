import type { Metadata } from '@grpc/grpc-js';

/** A client without Nest: grpc-js's, or the engine's. */
export interface RawClient {
  /** Starts a call of any kind. */
  open(service: string, method: string, options?: RawOptions): RawCall;
  close(): Promise<void>;
}

export interface RawOptions {
  /** Of a method that takes one message; of the others each message is sent. */
  readonly request?: object;
  /** Milliseconds since 1970. */
  readonly deadline?: number;
  readonly metadata?: Metadata;
}

/** A call, and everything that came back. */
export interface RawCall {
  /** Sends a message; nothing happens where the method takes one. */
  send(message: object): void;
  endSending(): void;
  cancel(): void;
  readonly received: unknown[];
  /** The first message, or nothing if the call ends without one. */
  readonly first: Promise<unknown>;
  /** `OK`, or code, name and text, once the call is over. */
  readonly ended: Promise<string>;
  /** What the server sent before its messages, as far as there is such a thing. */
  readonly headers: Record<string, unknown>;
}

/** What both clients write their events to. */
export class Transcript {
  readonly received: unknown[] = [];
  readonly headers: Record<string, unknown> = {};
  readonly first: Promise<unknown>;
  readonly ended: Promise<string>;
  #first!: (message: unknown) => void;
  #ended!: (status: string) => void;

  constructor() {
    this.first = new Promise((resolve) => (this.#first = resolve));
    this.ended = new Promise((resolve) => (this.#ended = resolve));
  }

  message(message: unknown): void {
    this.received.push(message);
    this.#first(message);
  }

  end(error?: Error): void {
    this.#first(undefined);
    this.#ended(error === undefined ? 'OK' : error.message);
  }
}
