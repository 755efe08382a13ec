import { once } from 'node:events';

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { isTtrpcError, TtrpcClient } from '../../lib/engine/index.js';
import { createDuplexPair } from '../../lib/testing/duplex-pair.js';
import { DATA, FrameCutter, REQUEST, type Frame } from '../interop/frames.js';
import type { Reply } from '../interop/outcome.js';
import { methodOf } from '../interop/service.js';
import { oracleRequest } from '../wire/oracle.js';
import { budget, timeout } from './budget.js';
import { hostileBytes } from './hostile.js';

const MESSAGES = [{ text: 'a' }, { text: 'b' }];

/** Calls of every shape; each becomes the messages that it brought, or its error. */
function callsOf(client: TtrpcClient): Promise<unknown>[] {
  const numbers = [{ value: 1 }, { value: 2 }];
  return [
    client.unary(methodOf('Echo'), { text: 'a' }),
    client.unary(methodOf('Inspect'), {}, { metadata: { a: '1' } }),
    all(client.serverStreaming(methodOf('Count'), { count: 2 })),
    client.clientStreaming(methodOf('Sum'), numbers),
    all(client.bidirectional(methodOf('Chat'), MESSAGES)),
  ].map((call) => call.catch((error: unknown) => error));
}

async function all(replies: AsyncIterable<Reply>): Promise<Reply[]> {
  const found: Reply[] = [];
  for await (const reply of replies) found.push(reply);
  return found;
}

describe('a client of which the server is hostile', { timeout }, () => {
  it('ends every call in one way, says nothing but frames of its role, and keeps nothing', async () => {
    await fc.assert(
      fc.asyncProperty(hostileBytes('server'), async (pieces) => {
        const [near, far] = createDuplexPair();
        const said: Frame[] = [];
        const cutter = new FrameCutter();
        far.on('data', (chunk: Buffer) => said.push(...cutter.cut(chunk)));
        far.on('error', () => undefined);
        const client = new TtrpcClient({ dial: () => near });
        const calls = callsOf(client);
        await once(far, 'data');
        for (const piece of pieces) if (!far.destroyed) far.write(piece);
        far.end();
        for (const end of await Promise.all(calls)) {
          if (end instanceof Error) expect(isTtrpcError(end)).toBe(true);
        }
        for (const frame of said) expectOfClient(frame);
        expect(client.stats()).toMatchObject({ openStreams: 0 });
        await client.close();
        far.destroy();
      }),
      budget,
    );
  });
});

function expectOfClient({ id, type, flags, payload }: Frame): void {
  expect(id % 2).toBe(1);
  expect(`${type} ${flags}`).toBeOneOf(['1 0', '1 1', '1 6', '3 0', '3 5']);
  if (type === REQUEST) oracleRequest.decode(payload);
  if (type === DATA && flags === 5) expect(payload).toHaveLength(0);
}
