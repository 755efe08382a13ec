import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';

import { TtrpcClient, TtrpcServer, type CallContext } from '../../lib/engine/index.js';
import { createMemoryTransport } from '../../lib/testing/index.js';
import { FrameCutter, RESPONSE, type Frame } from '../interop/frames.js';
import type { Reply } from '../interop/outcome.js';
import { INTEROP, methodOf } from '../interop/service.js';
import { oracleResponse } from '../wire/oracle.js';
import { budget, timeout } from './budget.js';
import { hostileBytes } from './hostile.js';

const transport = createMemoryTransport();
const server = new TtrpcServer();

/** What reached a handler that is no message of its method. */
const malformed: unknown[] = [];

function check(message: Reply, ...fields: (readonly [name: string, type: string])[]): void {
  const wellFormed = fields.every(([name, type]) => typeof message[name] === type);
  if (!wellFormed || Object.keys(message).length !== fields.length) malformed.push(message);
}

function checkMessage(message: Reply): Reply {
  check(message, ['text', 'string'], ['number', 'string'], ['data', 'string']);
  return message;
}

async function total(numbers: AsyncIterable<Reply>): Promise<Reply> {
  let count = 0;
  for await (const number of numbers) {
    check(number, ['value', 'string']);
    count += 1;
  }
  return { count };
}

async function* echoes(messages: AsyncIterable<Reply>): AsyncGenerator<Reply> {
  for await (const message of messages) yield checkMessage(message);
}

server.addService(INTEROP, {
  Echo: checkMessage,
  Nothing: () => ({}),
  Inspect: (_: Reply, { metadata }: CallContext) => {
    for (const [key, value] of metadata)
      check({ key, value }, ['key', 'string'], ['value', 'string']);
    return {};
  },
  InspectStream: () => [{}],
  Fail: () => Promise.reject(new Error('as asked')),
  Sleep: (_: Reply, { signal }: CallContext) =>
    new Promise((resolve) => signal.addEventListener('abort', resolve)),
  Grow: () => ({}),
  Count: () => [{ value: 1 }, { value: 2 }],
  Sum: total,
  Chat: echoes,
  First: total,
  Brief: echoes,
});
await server.listen(transport.listen);
const client = new TtrpcClient({ dial: transport.dial });
afterAll(async () => {
  await client.close();
  await server.close();
});

describe('a server of which the client is hostile', { timeout }, () => {
  it('says nothing but frames of its role, lets no malformed message through, and keeps nothing', async () => {
    await fc.assert(
      fc.asyncProperty(hostileBytes('client'), async (pieces) => {
        const socket = await transport.dial(undefined as never);
        const said: Frame[] = [];
        const cutter = new FrameCutter();
        socket.on('data', (chunk: Buffer) => said.push(...cutter.cut(chunk)));
        socket.on('error', () => undefined);
        const closed = new Promise((resolve) => socket.once('close', resolve));
        for (const piece of pieces) if (!socket.destroyed) socket.write(piece);
        // Another connection is served meanwhile, whatever becomes of this one.
        await client.unary(methodOf('Echo'), { text: 'alive' }, { timeoutMs: 10_000 });
        socket.destroy();
        await closed;
        for (const frame of said) expectOfServer(frame);
        expect(malformed).toEqual([]);
        await client.unary(methodOf('Echo'), {}, { timeoutMs: 10_000 });
        expect(server.stats()).toMatchObject({ connections: 1, openStreams: 0 });
      }),
      budget,
    );
  });
});

function expectOfServer({ type, flags, payload }: Frame): void {
  expect(`${type} ${flags}`).toBeOneOf(['2 0', '3 0', '3 5']);
  if (type === RESPONSE) oracleResponse.decode(payload);
}
