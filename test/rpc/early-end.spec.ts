import { expect, it } from 'vitest';
import { StatusError } from '../../lib/errors.js';
import { Link } from './link.js';
import { Upload } from './text-service.js';

/** Requests that do not end. */
async function* endless(): AsyncGenerator<string> {
  yield 'a';
  await new Promise(() => {});
}

it.each([
  ['answers', 'enough'],
  ['fails', '5 NOT_FOUND: none'],
])('a handler that %s before the requests end has the rest of them fail', async (ending, seen) => {
  let rest: Promise<unknown> | undefined;
  const link = new Link({
    async Upload(requests: AsyncIterable<string>) {
      const iterator = requests[Symbol.asyncIterator]();
      await iterator.next();
      rest = iterator.next().catch((error: unknown) => error);
      if (ending === 'fails') throw new StatusError({ code: 5, message: 'none' });
      return 'enough';
    },
  });
  const call = link.caller.clientStreaming(Upload, endless(), {});
  expect(await link.result(call.catch((error: Error) => error.message))).toBe(seen);
  expect(await rest).toMatchObject({
    code: 1,
    message: '1 CANCELLED: call is over: it has ended before its requests',
  });
});
