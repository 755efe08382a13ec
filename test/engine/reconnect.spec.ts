import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import {
  ConnectionError,
  type ClientOptions,
  type ClientState,
  type Dialer,
  type TtrpcClient,
} from '../../lib/engine/index.js';
import { createMemoryTransport, type MemoryTransport } from '../../lib/testing/index.js';
import { collect, Download, rejection, Unary, Upload } from '../rpc/text-service.js';
import { ECHO, gate, makeClient, makeServer, never } from './harness.js';

// The clock stands still but for `pass`; the memory transport moves bytes on the real event loop.
const { setImmediate: realImmediate } = globalThis;
const turn = (): Promise<void> => new Promise((resolve) => realImmediate(resolve));
async function turns(): Promise<void> {
  for (let n = 0; n < 10; n++) await turn();
}

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** Lets time pass, behind what is under way, and what it has set off happen. */
async function pass(ms: number): Promise<void> {
  await turns();
  vi.advanceTimersByTime(ms);
  await turns();
}

const EXACT = { initialMs: 100, maxMs: 400, factor: 2, jitter: 0 };

/** A client of a transport on which nobody listens yet; its dials are counted. */
function lonely(options: Partial<ClientOptions> = {}): {
  client: TtrpcClient;
  dial: ReturnType<typeof vi.fn<Dialer>>;
  transport: MemoryTransport;
  states: ClientState[];
} {
  const transport = createMemoryTransport();
  const dial = vi.fn<Dialer>(transport.dial);
  const states: ClientState[] = [];
  const onStateChange = (state: ClientState): void => void states.push(state);
  const client = makeClient({ dial, reconnect: EXACT, onStateChange, ...options });
  return { client, dial, transport, states };
}

async function serveOn(transport: MemoryTransport, handlers: object = ECHO): Promise<() => void> {
  const server = makeServer(handlers as typeof ECHO);
  await server.listen(transport.listen);
  return () => void server.close();
}

describe('TtrpcClient after a failed dial', () => {
  it('fails calls within the backoff at once, with what went wrong and when it tries again', async () => {
    const { client, dial } = lonely();
    const first = await rejection(client.unary(Unary, 'a'));
    expect(first).toMatchObject({ reason: 'dial', requestWritten: false });
    await pass(30);
    const failures = await Promise.all([
      rejection(client.unary(Unary, 'b')),
      rejection(client.clientStreaming(Upload, ['b'])),
      rejection(collect(client.serverStreaming(Download, 'b'))),
    ]);
    for (const failure of failures) {
      expect(failure).toBeInstanceOf(ConnectionError);
      expect(failure).toMatchObject({
        reason: 'dial',
        requestWritten: false,
        address: 'a Duplex',
        details: `${(first as ConnectionError).details}; the next attempt is due in 70 ms`,
      });
      expect((failure as ConnectionError).cause).toBe((first as ConnectionError).cause);
      expect(failure).toHaveProperty('cause.code', 'ECONNREFUSED');
    }
    expect(dial).toHaveBeenCalledOnce();
  });

  it('tries again with the first call behind the backoff, and not before somebody calls', async () => {
    const { client, dial, transport } = lonely();
    await rejection(client.unary(Unary, 'a'));
    await pass(99);
    await rejection(client.unary(Unary, 'b'));
    expect(dial).toHaveBeenCalledTimes(1);
    await pass(100_000);
    expect(dial).toHaveBeenCalledTimes(1);
    await serveOn(transport);
    expect(await client.unary(Unary, 'c')).toBe('echo c');
    expect(dial).toHaveBeenCalledTimes(2);
  });

  it('waits longer with every failure, and starts anew once it was connected', async () => {
    const { client, dial, transport } = lonely();
    for (const wait of [100, 200, 400, 400]) {
      const before = dial.mock.calls.length;
      await rejection(client.unary(Unary, 'a'));
      await pass(wait - 1);
      await rejection(client.unary(Unary, 'a'));
      expect(dial).toHaveBeenCalledTimes(before + 1);
      await pass(1);
    }
    const stop = await serveOn(transport);
    expect(await client.unary(Unary, 'a')).toBe('echo a');
    stop();
    await turns();
    await rejection(client.unary(Unary, 'a'));
    const dials = dial.mock.calls.length;
    await pass(100);
    await rejection(client.unary(Unary, 'a'));
    expect(dial).toHaveBeenCalledTimes(dials + 1);
  });

  it('dials a bounded number of times for a thousand calls, each made when the last has failed', async () => {
    const { client, dial } = lonely();
    for (let call = 0; call < 1000; call++) {
      expect(await rejection(client.unary(Unary, 'a'))).toMatchObject({ requestWritten: false });
      vi.advanceTimersByTime(1);
    }
    // At 0, 100, 300 and 700 ms.
    expect(dial).toHaveBeenCalledTimes(4);
  });

  it('lets the event loop turn for a caller that tries again as soon as it fails', async () => {
    const { client, transport, dial } = lonely();
    let served = false;
    const answered = new Promise<string>((resolve) => {
      const call = (): unknown => client.startUnary(Unary, 'a', { resolve, reject: call });
      call();
    });
    await turns();
    await serveOn(transport);
    served = true;
    await pass(100);
    expect(await answered).toBe('echo a');
    expect(served).toBe(true);
    expect(dial).toHaveBeenCalledTimes(2);
  });

  it('connects at once when it is told to, whatever is left of the backoff', async () => {
    const { client, dial, transport, states } = lonely();
    await rejection(client.connect());
    expect(await rejection(client.connect())).toMatchObject({ reason: 'dial' });
    expect(dial).toHaveBeenCalledTimes(2);
    await serveOn(transport);
    await client.connect();
    expect(await client.unary(Unary, 'a')).toBe('echo a');
    expect(dial).toHaveBeenCalledTimes(3);
    expect(states).toEqual([
      'connecting',
      'failed',
      'connecting',
      'failed',
      'connecting',
      'connected',
    ]);
  });

  it('lets calls wait for an attempt that is under way', async () => {
    const { opened, open } = gate();
    const { dial: real, listen } = createMemoryTransport();
    await makeServer(ECHO).listen(listen);
    const dial = vi.fn<Dialer>(() => {
      throw new Error('not yet');
    });
    const client = makeClient({ dial, reconnect: EXACT });
    await rejection(client.unary(Unary, 'a'));
    dial.mockImplementation(async (signal) => {
      await opened;
      return real(signal);
    });
    const connecting = client.connect();
    const call = client.unary(Unary, 'b');
    open();
    await connecting;
    expect(await call).toBe('echo b');
  });

  it('names a failure of its own as the cause', async () => {
    const odd = new ConnectionError('odd', { reason: 'io', address: 'x' });
    const { client } = lonely({
      dial: () => {
        throw odd;
      },
    });
    expect(await rejection(client.unary(Unary, 'a'))).toMatchObject({ details: 'odd' });
    expect(await rejection(client.unary(Unary, 'b'))).toMatchObject({
      reason: 'dial',
      details: 'odd; the next attempt is due in 100 ms',
    });
  });
});

describe('TtrpcClient whose connection was lost', () => {
  it('connects again with the next call, without delay', async () => {
    const { client, dial, transport, states } = lonely();
    await serveOn(transport);
    for (const text of ['a', 'b', 'c']) {
      expect(await client.unary(Unary, text)).toBe(`echo ${text}`);
      transport.disconnect();
      await turns();
      expect(client.state).toBe('idle');
    }
    expect(dial).toHaveBeenCalledTimes(3);
    expect(states.slice(0, 4)).toEqual(['connecting', 'connected', 'idle', 'connecting']);
    await client.close();
    expect(states.at(-1)).toBe('closed');
  });
});

describe('waitForReady', () => {
  it('lets a call wait for a server that starts later', async () => {
    const { client, dial, transport } = lonely();
    const options = { waitForReady: true };
    const calls = [
      client.unary(Unary, 'a', options),
      client.clientStreaming(Upload, ['x', 'y'], options),
      collect(client.serverStreaming(Download, 'b c', options)),
    ];
    await pass(100);
    await pass(200);
    expect(dial).toHaveBeenCalledTimes(3);
    await serveOn(transport);
    await pass(399);
    expect(dial).toHaveBeenCalledTimes(3);
    await pass(1);
    expect(await Promise.all(calls)).toEqual(['echo a', 'x+y', ['b', 'c']]);
    expect(dial).toHaveBeenCalledTimes(4);
  });

  it('holds for every call of a client that says so, unless a call says otherwise', async () => {
    const { client, dial, transport } = lonely({ waitForReady: true });
    const patient = client.unary(Unary, 'a');
    const hasty = rejection(client.unary(Unary, 'b', { waitForReady: false }));
    expect(await hasty).toMatchObject({ reason: 'dial' });
    expect(await rejection(client.unary(Unary, 'c', { waitForReady: false }))).toMatchObject({
      details: expect.stringContaining('the next attempt is due in 100 ms'),
    });
    await serveOn(transport);
    await pass(100);
    expect(await patient).toBe('echo a');
    expect(dial).toHaveBeenCalledTimes(2);
  });

  it('ends at the deadline, and nobody dials any more', async () => {
    const { client, dial } = lonely();
    const call = rejection(client.unary(Unary, 'a', { waitForReady: true, timeoutMs: 150 }));
    await pass(100);
    expect(dial).toHaveBeenCalledTimes(2);
    await pass(50);
    expect(await call).toMatchObject({ code: 4 });
    await pass(100_000);
    expect(dial).toHaveBeenCalledTimes(2);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('ends with its signal, and nobody dials any more', async () => {
    const { client, dial } = lonely();
    const { signal, abort } = aborter();
    const call = rejection(client.unary(Unary, 'a', { waitForReady: true, signal }));
    await turns();
    expect(vi.getTimerCount()).toBe(1);
    abort();
    expect(await call).toMatchObject({ code: 1 });
    expect(vi.getTimerCount()).toBe(0);
    expect(dial).toHaveBeenCalledOnce();
  });

  it('ends when the client is closed, and leaves no timer behind', async () => {
    const { client, dial } = lonely();
    const call = rejection(client.unary(Unary, 'a', { waitForReady: true }));
    await turns();
    expect(vi.getTimerCount()).toBe(1);
    await client.close();
    expect(await call).toMatchObject({ reason: 'local' });
    expect(vi.getTimerCount()).toBe(0);
    await pass(100_000);
    expect(dial).toHaveBeenCalledOnce();
  });

  it('is bounded by the bytes of the calls that wait', async () => {
    const { client } = lonely({ waitForReady: true, maxSendBufferBytes: 1000 });
    const waiting = rejection(client.unary(Unary, 'x'.repeat(500)));
    await turns();
    expect(await rejection(client.unary(Unary, 'x'.repeat(500)))).toMatchObject({
      kind: 'ttrpc.buffer-full',
    });
    await client.close();
    await waiting;
  });

  it('does not make a call again that was written', async () => {
    const { client, transport, dial } = lonely({ waitForReady: true });
    const seen: string[] = [];
    await serveOn(transport, {
      Unary: (request: string) => {
        seen.push(request);
        return never();
      },
    });
    const call = rejection(client.unary(Unary, 'a'));
    await turns();
    transport.disconnect();
    expect(await call).toMatchObject({ requestWritten: true });
    await pass(1000);
    expect(seen).toEqual(['a']);
    expect(dial).toHaveBeenCalledOnce();
  });

  it('loses no call over restarts of the server that was not written, and makes none twice', async () => {
    const { client, transport } = lonely({ waitForReady: true });
    const runs = new Map<string, number>();
    const handlers = {
      async Unary(request: string) {
        runs.set(request, (runs.get(request) ?? 0) + 1);
        await turn();
        return request;
      },
    };
    let stop = await serveOn(transport, handlers);
    let lost = 0;
    const caller = async (name: string): Promise<void> => {
      for (let n = 0; n < 50; n++) {
        const text = `${name}/${n}`;
        try {
          expect(await callUntilWritten(client, text)).toBe(text);
          expect(runs.get(text)).toBe(1);
        } catch (error) {
          if (!(error instanceof ConnectionError)) throw error;
          expect(error).toMatchObject({ requestWritten: true });
          expect(runs.get(text) ?? 0).toBeLessThanOrEqual(1);
          lost += 1;
        }
      }
    };
    const callers = Promise.all(Array.from({ length: 20 }, (_, n) => caller(`${n}`)));
    for (let restart = 0; restart < 10; restart++) {
      for (let n = 0; n < 7; n++) await turn();
      stop();
      for (let n = 0; n < 3; n++) await turn();
      await pass(400);
      stop = await serveOn(transport, handlers);
      await pass(400);
    }
    await callers;
    expect(lost).toBeGreaterThan(0);
    expect(runs.size).toBeGreaterThan(1000 - lost - 1);
  });
});

/** As a caller does for whom it is safe to try again: the peer can't have seen the request. */
async function callUntilWritten(client: TtrpcClient, text: string): Promise<string> {
  for (;;) {
    try {
      return await client.unary(Unary, text);
    } catch (error) {
      if (!(error instanceof ConnectionError) || error.requestWritten) throw error;
    }
  }
}

function aborter(): { signal: AbortSignal; abort: () => void } {
  const controller = new AbortController();
  onTestFinished(() => controller.abort());
  return { signal: controller.signal, abort: () => controller.abort() };
}
