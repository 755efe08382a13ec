import { Duplex } from 'node:stream';
import { expect, it, describe, vi } from 'vitest';
import type { ConnectionSetup } from '../../lib/protocol/connection.js';
import { Unary } from '../rpc/text-service.js';
import { tempFolder } from '../transport/temp-folder.js';
import { gate, makeClient, makeServer, until } from './harness.js';

// Every connection has two stream ids left.
vi.mock(import('../../lib/protocol/client-connection.js'), async (original) => {
  const module = await original();
  class NearlyExhausted extends module.ClientConnection {
    constructor(setup: ConnectionSetup) {
      super(setup, 0xffff_fffd);
    }
  }
  return { ...module, ClientConnection: NearlyExhausted };
});

const at = tempFolder();

describe('TtrpcClient, out of stream ids', () => {
  it('makes a new connection, and the old one closes behind its last call', async () => {
    const { opened, open } = gate();
    let started = 0;
    const server = makeServer({
      async Unary(request: string) {
        started += 1;
        if (request === 'held') await opened;
        return request;
      },
    });
    const client = makeClient({ address: await server.listen(`unix://${at('s')}`) });
    const held = client.unary(Unary, 'held');
    await until(() => started === 1);
    const rest = Array.from({ length: 4 }, (_, n) => client.unary(Unary, String(n)));
    expect(await Promise.all(rest)).toEqual(['0', '1', '2', '3']);
    expect(server.connections).toBeGreaterThan(1);
    open();
    expect(await held).toBe('held');
    await client.unary(Unary, 'x');
    await until(() => server.connections === 1);
  });

  it('starts what waits on the new connection while the old one takes no bytes', async () => {
    const pipes: { sent: Buffer; goOn: () => void }[] = [];
    const dial = (): Duplex => {
      const pipe = { sent: Buffer.alloc(0), goOn: () => {} };
      pipes.push(pipe);
      return new Duplex({
        read() {},
        write(chunk: Buffer, _, callback) {
          pipe.sent = Buffer.concat([pipe.sent, chunk]);
          pipe.goOn = callback;
        },
      });
    };
    const sent = (pipe: number): Buffer => pipes[pipe]?.sent ?? Buffer.alloc(0);
    const client = makeClient({ dial });
    const long = 'x'.repeat(100_000);
    const calls = ['first', long, long].map((request) => client.unary(Unary, request));
    await until(() => sent(0).length > 0);
    calls.push(client.unary(Unary, 'last'));
    await until(() => sent(1).length > long.length);
    pipes[1]?.goOn();
    await until(() => sent(1).includes('last'));
    await client.close();
    for (const { status } of await Promise.allSettled(calls)) expect(status).toBe('rejected');
  });
});
