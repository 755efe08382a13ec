import { describe, expect, it } from 'vitest';
import { Unary } from '../rpc/text-service.js';
import { duplexPair, ECHO, makeClient, makeServer, never, turn, until } from './harness.js';

const SPENT =
  'cannot connect to a Duplex: a stream gives one connection, which has been made or tried;' +
  ' another one needs a new client';

describe('a TtrpcClient of a stream', () => {
  it('makes its calls over it', async () => {
    const [near, far] = duplexPair();
    await makeServer(ECHO).serve(far);
    const client = makeClient({ stream: near });
    expect(await client.unary(Unary, 'a')).toBe('echo a');
  });

  it('owns it before the first call, and ends it when it is closed', async () => {
    const [near] = duplexPair();
    const client = makeClient({ stream: near });
    expect(client.state).toBe('connecting');
    await turn();
    expect(client.state).toBe('connected');
    await client.close();
    expect(near.destroyed).toBe(true);
  });

  it('ends it when it is closed at once', async () => {
    const [near] = duplexPair();
    await makeClient({ stream: near }).close();
    await until(() => near.destroyed);
  });

  it('has no other: what is made behind its end fails, also what would wait', async () => {
    const [near, far] = duplexPair();
    await makeServer({ Unary: never }).serve(far);
    const client = makeClient({ stream: near, waitForReady: true, reconnect: { initialMs: 1 } });
    const call = client.unary(Unary, 'a');
    await turn();
    far.destroy();
    await expect(call).rejects.toMatchObject({ kind: 'ttrpc.connection', reason: 'eof' });
    await expect(client.unary(Unary, 'b')).rejects.toThrow(SPENT);
    await expect(client.connect()).rejects.toThrow(SPENT);
  });

  it('fails the calls of a stream that had ended before', async () => {
    const [near] = duplexPair();
    near.destroy();
    const client = makeClient({ stream: near, address: 'lane 1' });
    await expect(client.unary(Unary, 'a')).rejects.toMatchObject({ address: 'lane 1' });
  });
});
