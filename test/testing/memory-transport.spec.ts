import { afterEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import {
  ConnectionError,
  TtrpcClient,
  TtrpcServer,
  UsageError,
  type CallContext,
} from '../../lib/engine/index.js';
import { createMemoryTransport, type MemoryTransport } from '../../lib/testing/index.js';
import { ECHO, makeClient, makeServer, never } from '../engine/harness.js';
import { Chat, SERVICE, Unary } from '../rpc/text-service.js';

afterEach(() => void vi.useRealTimers());

async function serve(memory: MemoryTransport, implementation = ECHO): Promise<TtrpcServer> {
  const server = makeServer(implementation);
  await server.listen(memory.listen);
  return server;
}

const failure = (call: Promise<unknown>): Promise<unknown> => call.catch((error: unknown) => error);

describe('createMemoryTransport', () => {
  it('joins a server and several clients', async () => {
    const memory = createMemoryTransport();
    const server = makeServer(ECHO);
    expect(await server.listen(memory.listen)).toBe('memory:');
    const clients = [makeClient({ dial: memory.dial }), makeClient({ dial: memory.dial })];
    for (const client of clients) expect(await client.unary(Unary, 'a')).toBe('echo a');
    expect(server.connections).toBe(2);
    const answers: string[] = [];
    for await (const text of clients[0]!.bidirectional(Chat, ['b', 'c'])) answers.push(text);
    expect(answers).toEqual(['echo b', 'echo c']);
  });

  it('tells the handler where its caller is', async () => {
    const memory = createMemoryTransport();
    const server = new TtrpcServer();
    onTestFinished(() => server.close());
    server.addService(SERVICE, { Unary: (_: string, { peer }: CallContext) => peer.address });
    await server.listen(memory.listen);
    expect(await makeClient({ dial: memory.dial }).unary(Unary, '')).toBe('memory:');
  });

  it('refuses who dials while nobody listens, and serves who dials then', async () => {
    const memory = createMemoryTransport();
    const client = makeClient({ dial: memory.dial });
    const error = await failure(client.unary(Unary, 'a'));
    expect(error).toBeInstanceOf(ConnectionError);
    expect((error as Error).message).toContain('no server listens');
    const server = await serve(memory);
    await client.connect();
    expect(await client.unary(Unary, 'a')).toBe('echo a');
    await server.close();
    expect(await failure(client.unary(Unary, 'a'))).toBeInstanceOf(ConnectionError);
    await serve(memory);
    await client.connect();
    expect(await client.unary(Unary, 'b')).toBe('echo b');
  });

  it('has one server at a time', async () => {
    const memory = createMemoryTransport();
    await serve(memory);
    await expect(new TtrpcServer().listen(memory.listen)).rejects.toThrow(UsageError);
  });

  it('breaks every connection on demand, and clients dial again', async () => {
    const memory = createMemoryTransport();
    await serve(memory, {
      ...ECHO,
      Unary: (text: string) => (text === 'hang' ? never() : Promise.resolve(text)),
    });
    const client = makeClient({ dial: memory.dial });
    await client.connect();
    const hanging = failure(client.unary(Unary, 'hang'));
    await client.unary(Unary, 'there');
    memory.disconnect();
    expect(await hanging).toMatchObject({ kind: 'ttrpc.connection', requestWritten: true });
    expect(await client.unary(Unary, 'again')).toBe('again');
  });

  it('ends calls at a deadline of a fake clock', async () => {
    vi.useFakeTimers();
    const memory = createMemoryTransport();
    const server = new TtrpcServer();
    const called = new Promise<void>((resolve) => {
      server.addService(SERVICE, {
        Unary: () => {
          resolve();
          return never();
        },
      });
    });
    await server.listen(memory.listen);
    const client = new TtrpcClient({ dial: memory.dial });
    const outcome = failure(client.unary(Unary, 'a', { timeoutMs: 60_000 }));
    await called;
    await vi.advanceTimersByTimeAsync(60_000);
    expect(String(await outcome)).toContain('DEADLINE_EXCEEDED');
    vi.useRealTimers();
    await client.close();
    await server.close();
  });

  it('carries messages that fill every buffer on the way', async () => {
    const memory = createMemoryTransport();
    await serve(memory);
    const client = makeClient({ dial: memory.dial });
    const big = 'x'.repeat(1 << 20);
    const answers: number[] = [];
    for await (const text of client.bidirectional(Chat, [big, big, big])) answers.push(text.length);
    expect(answers).toEqual([big.length + 5, big.length + 5, big.length + 5]);
  });
});
