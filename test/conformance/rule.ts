import { DATA, encodeFrame, REQUEST, RESPONSE } from '../interop/frames.js';
import type { Options, Outcome } from '../interop/outcome.js';
import { hex } from '../support/transcript.js';

/**
 * One thing that happens on the wire: bytes that the kit sends, or what it must hear next, as
 * `frameText` words it. A text that ends with `…` is the beginning of what must be heard.
 */
export type Step = Buffer | string | typeof CLOSE;

/** The kit closes the connection. */
export const CLOSE: unique symbol = Symbol('close');

/** What the kit hears when the peer has closed the connection. */
export const CLOSED = 'the connection is closed';

/** A rule of the protocol that is seen from outside. */
export interface Rule {
  readonly id: string;
  /** In the words of the protocol's description. */
  readonly text: string;
  /** The conversation, on a connection of its own that opens with stream 1. */
  readonly steps: readonly Step[];
  /** The steps leave no connection, or no stream id, for a call behind them. */
  readonly last?: true;
  /** Needs streams, which Go's ttrpc knows since 1.2. */
  readonly streams?: true;
}

/** What a server under test has to do; a call behind the steps shows that the connection goes on. */
export type ServerRule = Rule;

/** What a client under test has to do when it runs a scenario of `interop.proto`. */
export interface ClientRule extends Rule {
  /** The call to make, and what is to be in it, as `test/interop/outcome.ts` names it. */
  readonly scenario: string;
  readonly options: Options;
  /** What the client's caller sees, where the client under test can tell. */
  readonly outcome: Partial<Outcome>;
}

export const SERVICE = 'interop.v1.Interop';

/** A field of a message: its key, its length, and the bytes that `text` spells in hex. */
export function field(number: number, text: string): Buffer {
  const bytes = hex(text);
  const length =
    bytes.length < 128 ? [bytes.length] : [(bytes.length & 127) | 128, bytes.length >> 7];
  return Buffer.concat([Buffer.from([(number << 3) | 2, ...length]), bytes]);
}

/** A frame with a payload in hex. */
export function frame(id: number, type: number, flags: number, content: string | Buffer): Buffer {
  const bytes = typeof content === 'string' ? hex(content) : content;
  return encodeFrame({ id, type, flags, payload: bytes });
}

/** A request of {@link SERVICE}. `rest` is its envelope behind the names: payload and the like. */
export function request(id: number, flags: number, method: string, ...rest: Buffer[]): Buffer {
  const names = [field(1, `"${SERVICE}"`), field(2, `"${method}"`)];
  return frame(id, REQUEST, flags, Buffer.concat([...names, ...rest]));
}

/** The payload of a request. */
export function payload(text: string): Buffer {
  return field(3, text);
}

export function data(id: number, flags: number, text = ''): Buffer {
  return frame(id, DATA, flags, text);
}

/** A response of these envelope fields. */
export function response(id: number, ...envelope: Buffer[]): Buffer {
  return frame(id, RESPONSE, 0, Buffer.concat(envelope));
}
