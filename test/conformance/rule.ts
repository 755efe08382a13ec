import { DATA, encodeFrame, REQUEST, RESPONSE } from '../interop/frames.js';
import type { Options, Outcome } from '../interop/outcome.js';
import { hex } from '../support/transcript.js';

/**
 * One thing that happens on the wire: what the kit must hear next, as `frameText` words it, or must
 * hear next in any order; or what the kit does. In a text `*` stands for any word, and `…` at its end
 * for anything.
 */
export type Step = string | readonly string[] | Act;

/** What the kit does: it sends bytes, or an answer to what it heard last, or one of the others. */
export type Act = Buffer | ((heard: string) => Buffer) | typeof CLOSE | typeof DEAF | typeof LISTEN;

/** The kit closes the connection. */
export const CLOSE: unique symbol = Symbol('close');

/** The kit stops reading. */
export const DEAF: unique symbol = Symbol('deaf');

/** The kit reads again. */
export const LISTEN: unique symbol = Symbol('listen');

/** What the kit hears when the peer has closed the connection. */
export const CLOSED = 'the connection is closed';

/** A rule of the protocol that is seen from outside. */
export interface Rule {
  readonly id: string;
  /** In the words of the protocol's description. */
  readonly text: string;
  /** The conversation, on a connection of its own that opens with stream 1. */
  readonly steps: readonly Step[];
  /**
   * The steps leave no connection, or no stream id, for a call behind them. With a server it is made
   * on another connection; a client is asked for none.
   */
  readonly last?: true;
  /** Needs streams, which Go's ttrpc knows since 1.2. */
  readonly streams?: true;
}

/** What a server under test has to do; a call behind the steps shows that it goes on. */
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
  const length: number[] = [];
  for (let rest = bytes.length; rest > 0 || length.length === 0; rest >>>= 7) {
    length.push(rest > 127 ? (rest & 127) | 128 : rest);
  }
  return Buffer.concat([Buffer.from([(number << 3) | 2, ...length]), bytes]);
}

/** Largest payload of a frame, in bytes. */
export const LIMIT = 4_194_304;

/** Makes a frame as large as may be, by a field of its envelope that nobody knows. */
export function filled(small: Buffer): Buffer {
  const [id, type, flags] = [small.readUInt32BE(4), small.readUInt8(8), small.readUInt8(9)];
  const envelope = small.subarray(HEADER_LENGTH);
  // A key, and four bytes of length.
  const filler = field(9, `00*${LIMIT - envelope.length - 5}`);
  return frame(id, type, flags, Buffer.concat([envelope, filler]));
}

const HEADER_LENGTH = 10;

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
