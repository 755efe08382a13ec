import type { Handler } from '../../lib/rpc/call.js';
import type { MethodDefinition, ServiceDefinition } from '../../lib/rpc/method-definition.js';
import { payloadCodec } from '../../lib/rpc/payload-codec.js';
import type { MethodKind } from '../../lib/spec/method.js';

/** A payload that the codec refuses to read. */
export const UNREADABLE = 'unreadable';

/** Messages are texts; the empty text is the empty message. Anything else can't be serialised. */
const text = payloadCodec<string>({
  encode(message) {
    if (typeof message !== 'string') throw new TypeError(`${typeof message} is no text`);
    return Buffer.from(message);
  },
  decode(bytes) {
    const message = bytes.toString();
    if (message === UNREADABLE) throw new Error('cannot be read');
    return message;
  },
});

/** A method of {@link SERVICE}. */
export function textMethod(kind: MethodKind, name: string): MethodDefinition<string, string> {
  return { service: 'test.Text', name, kind, request: text, response: text };
}

export const Unary = textMethod('unary', 'Unary');
export const Download = textMethod('serverStreaming', 'Download');
export const Upload = textMethod('clientStreaming', 'Upload');
export const Chat = textMethod('bidirectional', 'Chat');

/** One method of each kind. */
export const SERVICE: ServiceDefinition = {
  name: 'test.Text',
  methods: [Unary, Download, Upload, Chat] as MethodDefinition[],
};

/** Handlers by method name, typed as a user with generated code has them. */
export interface TextHandlers {
  Unary?: Handler;
  Download?: Handler;
  Upload?: Handler;
  Chat?: Handler;
}

/** What cannot be serialised, where the compiler wants a text. */
export const NOT_A_TEXT = 7 as unknown as string;

/** Everything an iterable gives, in order. */
export async function collect<T>(messages: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const message of messages) all.push(message);
  return all;
}

/** What a promise was rejected with. */
export async function rejection(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error('it was expected to reject');
}
