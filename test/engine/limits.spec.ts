import { afterEach, describe, expect, it, vi } from 'vitest';
import { ConnectionError, type TtrpcClient, type TtrpcServer } from '../../lib/engine/index.js';
import { collect, Download, rejection, Unary, Upload } from '../rpc/text-service.js';
import { tempFolder } from '../transport/temp-folder.js';
import { duplexPair, ECHO, gate, makeClient, makeServer, never, turn, until } from './harness.js';

const at = tempFolder();
let sockets = 0;
const socketAddress = (): string => `unix://${at(`s${++sockets}`)}`;

/** Messages of a stream that stays open behind the first. */
async function* endless(text: string): AsyncGenerator<string, void> {
  yield text;
  await never();
}

afterEach(() => void vi.useRealTimers());

/** What a server or client has counted, without what is 0. */
function counted(one: TtrpcServer | TtrpcClient): object {
  return Object.fromEntries(Object.entries(one.stats()).filter(([, count]) => count !== 0));
}

describe('stats', () => {
  it('says what there is at the moment', async () => {
    const server = makeServer({ ...ECHO, Download: endless });
    const client = makeClient({ address: await server.listen(socketAddress()) });
    expect([counted(server), counted(client)]).toEqual([{}, {}]);
    await client.unary(Unary, 'a');
    expect([counted(server), counted(client)]).toEqual([{ connections: 1 }, { connections: 1 }]);
    const before = client.stats();
    const loop = client.serverStreaming(Download, '')[Symbol.asyncIterator]();
    await until(() => server.stats().openStreams === 1);
    expect(counted(client)).toEqual({ connections: 1, openStreams: 1 });
    expect(before.openStreams).toBe(0);
    await loop.return?.();
  });

  it.each([1, 2, 3])('counts calls above two open ones: of %i', async (count) => {
    const server = makeServer({ Unary: never }, { maxOpenStreams: 2 });
    const client = makeClient({ address: await server.listen(socketAddress()) });
    const refused: unknown[] = [];
    for (let n = 0; n < count; n++) {
      client.unary(Unary, 'a').catch((error: unknown) => refused.push(error));
    }
    await until(() => server.stats().openStreams === Math.min(count, 2));
    await until(() => refused.length === Math.max(0, count - 2));
    expect(server.stats().refusedStreams).toBe(Math.max(0, count - 2));
    expect(refused).toEqual(count > 2 ? [expect.objectContaining({ code: 8 })] : []);
  });

  it.each([1, 2, 3])('counts connections above two open ones: of %i', async (count) => {
    const server = makeServer(ECHO, { maxConnections: 2 });
    const address = await server.listen(socketAddress());
    const clients = Array.from({ length: count }, () => makeClient({ address }));
    const results: string[] = [];
    for (const client of clients) {
      results.push(await client.unary(Unary, 'a').catch(({ kind }: ConnectionError) => kind));
    }
    const expected = ['echo a', 'echo a', 'ttrpc.connection'].slice(0, count);
    expect(results).toEqual(expected);
    expect(server.stats()).toMatchObject({
      connections: Math.min(count, 2),
      refusedConnections: Math.max(0, count - 2),
    });
  });

  it.each([1, 2, 3])('counts connections in their handshake as open ones: of %i', async (count) => {
    let begun = 0;
    const handshake = (): Promise<never> => {
      begun += 1;
      return never();
    };
    const server = makeServer(ECHO, { maxConnections: 2, handshake });
    const address = await server.listen(socketAddress());
    for (let n = 0; n < count; n++) await makeClient({ address }).connect();
    await until(() => begun + server.stats().refusedConnections === count);
    expect(server.stats().refusedConnections).toBe(Math.max(0, count - 2));
  });

  it.each([1023, 1024, 1025])('counts frames above 1024 bytes: one of %i', async (size) => {
    const server = makeServer(ECHO, { maxPayloadBytes: 1024 });
    const client = makeClient({ address: await server.listen(socketAddress()) });
    // The names of service and method, three tags and their lengths: what else the envelope has.
    const request = 'x'.repeat(size - 11 - 7 - 3);
    const outcome = await client.unary(Unary, request).then(
      () => 'answered',
      ({ code }: { code: number }) => code,
    );
    expect([outcome, server.stats().oversizedFrames]).toEqual(
      size > 1024 ? [8, 1] : ['answered', 0],
    );
    expect(await client.unary(Unary, 'a')).toBe('echo a');
  });

  it.each([1023, 1024, 1025])(
    'counts answers above 1024 bytes: one of %i ends its call alone',
    async (size) => {
      const answer = 'x'.repeat(size - 3);
      const message = 'x'.repeat(size);
      const server = makeServer({
        ...ECHO,
        Unary: (request) => (request === 'large' ? answer : 'small'),
        Download: () => [message],
      });
      const address = await server.listen(socketAddress());
      const client = makeClient({ address, maxPayloadBytes: 1024 });
      const failed = { kind: 'ttrpc.payload-too-large', requestWritten: true };
      const outcomes = await Promise.all([
        client.unary(Unary, 'large').catch((error: unknown) => error),
        collect(client.serverStreaming(Download, '')).catch((error: unknown) => error),
      ]);
      expect(outcomes).toMatchObject(size > 1024 ? [failed, failed] : [answer, [message]]);
      expect(client.stats().oversizedFrames).toBe(size > 1024 ? 2 : 0);
      expect(await client.unary(Unary, '')).toBe('small');
    },
  );

  it.each([1023, 1024, 1025])('sends no answer above 1024 bytes: one of %i', async (size) => {
    const answer = 'x'.repeat(size - 3);
    const server = makeServer({ Unary: () => answer }, { maxSendPayloadBytes: 1024 });
    const client = makeClient({ address: await server.listen(socketAddress()) });
    const outcome = await client.unary(Unary, '').catch((error: unknown) => error);
    const failed = { code: 8, details: 'message length 1025 exceed maximum message size of 1024' };
    if (size > 1024) expect(outcome).toMatchObject(failed);
    else expect(outcome).toBe(answer);
    expect(counted(server)).toEqual({ connections: 1 });
  });

  it('counts handshakes that are refused or take too long', async () => {
    let tries = 0;
    const server = makeServer(ECHO, {
      handshake: () => {
        if (tries++ === 0) throw new Error('no');
        return never();
      },
      handshakeTimeoutMs: 5,
    });
    const client = makeClient({ address: await server.listen(socketAddress()) });
    for (let round = 1; round <= 2; round++) {
      expect(await rejection(client.unary(Unary, ''))).toBeInstanceOf(ConnectionError);
      await until(() => server.stats().failedHandshakes === round);
    }
  });

  it('counts a peer that does not read, on the side that gives it up', async () => {
    const limits = { maxSendBufferBytes: 1000, maxOpenStreams: 4 };
    const server = makeServer({ Unary: () => 'x'.repeat(1000) }, limits);
    const [near, far] = duplexPair();
    await server.serve(near);
    const client = makeClient({ dial: () => far });
    await client.connect();
    far.pause();
    const calls = Array.from({ length: 200 }, () => client.unary(Unary, ''));
    const results = Promise.allSettled(calls);
    await until(() => server.connections === 0);
    expect(server.stats().stalledConnections).toBe(1);
    await client.close();
    await results;
  });

  it('counts a consumer that does not take its messages, on the side that it is on', async () => {
    const server = makeServer({ Download: endless });
    const limits = { maxStreamBufferBytes: 100, stallTimeoutMs: 5 };
    const client = makeClient({ address: await server.listen(socketAddress()), ...limits });
    const slow = client.serverStreaming(Download, '')[Symbol.asyncIterator]();
    await until(() => client.stats().stalledStreams === 1);
    expect(await rejection(slow.next())).toMatchObject({ code: 8, kind: 'ttrpc.buffer-full' });
    expect(counted(client)).toEqual({ connections: 1, stalledStreams: 1 });
  });
});

describe('bounds of time and memory', () => {
  const stopClock = (): void => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });

  it.each([
    [999, 0],
    [1000, 1],
    [1001, 1],
  ])(
    'after %i of 1000 ms has refused %i connections whose handshake goes on',
    async (ms, failed) => {
      stopClock();
      let begun = false;
      const handshake = (): Promise<never> => {
        begun = true;
        return never();
      };
      const server = makeServer(ECHO, { handshake, handshakeTimeoutMs: 1000 });
      const [near, far] = duplexPair();
      far.on('error', () => {});
      const refused = server.serve(near).catch(() => {});
      await until(() => begun);
      vi.advanceTimersByTime(ms);
      if (failed > 0) await refused;
      expect(server.stats().failedHandshakes).toBe(failed);
      expect(near.destroyed).toBe(failed > 0);
      await server.close();
      await refused;
    },
  );

  // What a message of 100 bytes counts.
  it.each([
    [229, 2000, 0],
    [228, 2000, 0],
    [227, 1999, 0],
    [227, 2000, 1],
    [227, 2001, 1],
  ])(
    'with 228 of %i bytes untaken for %i of 2000 ms has ended %i calls',
    async (max, ms, ended) => {
      stopClock();
      const server = makeServer({ Download: endless });
      const limits = { maxStreamBufferBytes: max, stallTimeoutMs: 2000 };
      const client = makeClient({ address: await server.listen(socketAddress()), ...limits });
      const text = 'x'.repeat(100);
      const slow = client.serverStreaming(Download, text)[Symbol.asyncIterator]();
      await until(() => server.stats().openStreams === 1);
      // Its message was sent before this answer.
      await rejection(client.unary(Unary, ''));
      vi.advanceTimersByTime(ms);
      expect(client.stats().stalledStreams).toBe(ended);
      await slow.return?.();
    },
  );

  it.each([
    [229, 2000, 0],
    [228, 2000, 0],
    [227, 1999, 0],
    [227, 2000, 1],
    [227, 2001, 1],
  ])(
    'with 228 of %i bytes left by a handler for %i of 2000 ms has ended %i calls',
    async (max, ms, ended) => {
      stopClock();
      const limits = { maxStreamBufferBytes: max, stallTimeoutMs: 2000 };
      const server = makeServer({ ...ECHO, Upload: never }, limits);
      const client = makeClient({ address: await server.listen(socketAddress()) });
      const outcome = client
        .clientStreaming(Upload, endless('x'.repeat(100)))
        .catch((error: unknown) => error);
      await until(() => server.stats().openStreams === 1);
      for (let turns = 0; turns < 5; turns++) await turn();
      vi.advanceTimersByTime(ms);
      expect(server.stats().stalledStreams).toBe(ended);
      if (ended > 0) expect(await outcome).toMatchObject({ code: 8, origin: 'remote' });
      // By now nothing holds the connection up.
      vi.advanceTimersByTime(1);
      expect(await client.unary(Unary, 'a')).toBe('echo a');
    },
  );

  // What a waiting call counts: itself, its request, and a pair of metadata.
  it.each([
    [2 * (256 + 10 + 32 + 6) + 1, 2],
    [2 * (256 + 10 + 32 + 6), 2],
    [2 * (256 + 10 + 32 + 6) - 1, 1],
  ])('with %i bytes for calls that wait lets %i of two wait', async (max, waiting) => {
    const client = makeClient({ dial: never, maxSendBufferBytes: max });
    const options = { metadata: { k: 'v' } };
    const refused: unknown[] = [];
    const calls = [1, 2].map(() =>
      client.unary(Unary, 'x'.repeat(10), options).catch((error: unknown) => refused.push(error)),
    );
    for (let turns = 0; turns < 5; turns++) await turn();
    expect(refused).toHaveLength(2 - waiting);
    await client.close();
    await Promise.all(calls);
  });
});

describe('idleTimeoutMs', () => {
  /** A server that a client is connected to, on a clock that stands still. */
  async function start(handler: (request: string) => Promise<string> = ECHO.Unary) {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    const server = makeServer({ Unary: handler }, { idleTimeoutMs: 1000 });
    const client = makeClient({ address: await server.listen(socketAddress()) });
    await client.connect();
    await until(() => server.connections === 1);
    return { server, client };
  }

  it.each([
    [999, 1],
    [1000, 0],
    [1001, 0],
  ])('after %i of 1000 ms without a call has %i connections', async (passed, connections) => {
    const { server, client } = await start();
    vi.advanceTimersByTime(passed);
    await until(() => server.connections === connections);
    await until(() => client.connected === (connections === 1));
    expect(server.stats().idleConnections).toBe(1 - connections);
    expect(await client.unary(Unary, 'a')).toBe('echo a');
  });

  it('lets a connection be whose call takes longer, and gives it the whole time then', async () => {
    const { opened, open } = gate();
    const { server, client } = await start(async () => {
      await opened;
      return 'at last';
    });
    const answer = client.unary(Unary, '');
    await until(() => server.stats().openStreams === 1);
    vi.advanceTimersByTime(10_000);
    open();
    expect(await answer).toBe('at last');
    vi.advanceTimersByTime(1999);
    expect(server.stats()).toMatchObject({ connections: 1, idleConnections: 0 });
    vi.advanceTimersByTime(1);
    await until(() => server.connections === 0);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('gives a connection the whole time anew after each call', async () => {
    const { server, client } = await start();
    for (let round = 0; round < 5; round++) {
      await client.unary(Unary, 'a');
      vi.advanceTimersByTime(1000);
      expect(server.stats().idleConnections).toBe(0);
    }
    vi.advanceTimersByTime(1000);
    expect(server.stats().idleConnections).toBe(1);
    await until(() => server.connections === 0);
    expect(vi.getTimerCount()).toBe(0);
  });
});
