import { StatusError } from '../errors.js';
import { StatusCode } from '../spec/status.js';

/** A stream of one message. */
export async function* streamOf<T>(message: T): AsyncGenerator<T, void> {
  yield message;
}

/**
 * The one message of a stream.
 *
 * @throws StatusError (INTERNAL) when there is none; what follows the first is not taken
 */
export async function onlyMessage<T>(messages: AsyncIterable<T>): Promise<T> {
  for await (const message of messages) return message;
  throw new StatusError({ code: StatusCode.Internal, message: 'stream ended without a message' });
}
