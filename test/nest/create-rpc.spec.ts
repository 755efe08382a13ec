import { lastValueFrom, of, throwError } from 'rxjs';
import { afterEach, describe, expect, it } from 'vitest';
import { fromTsProto, TtrpcClient, TtrpcServer } from '../../lib/engine/index.js';
import { createRpc } from '../../lib/index.js';
import { createMemoryTransport } from '../../lib/testing/index.js';
import { closeLater, failure } from './app.js';

const bytes = {
  encode: (message: Uint8Array) => ({ finish: () => message }),
  decode: (message: Uint8Array) => message,
};
const types = { requestType: bytes, responseType: bytes };
const service = fromTsProto({
  fullName: 'pkg.Echo',
  methods: {
    many: { ...types, name: 'Many', requestStream: false, responseStream: true },
    join: { ...types, name: 'Join', requestStream: true, responseStream: false },
  },
});

const calls: string[] = [];
afterEach(() => void calls.splice(0));

/** What ts-proto's clients get, in front of a server. */
async function start(): Promise<ReturnType<typeof createRpc>> {
  const { listen, dial } = createMemoryTransport();
  const server = closeLater(new TtrpcServer());
  server.addService(service, {
    many: function* (request) {
      calls.push('many');
      yield request;
      yield request;
    },
    join: async (requests) => {
      const all: Uint8Array[] = [];
      for await (const each of requests) all.push(each);
      return Buffer.concat(all);
    },
  });
  await server.listen(listen);
  return createRpc(closeLater(new TtrpcClient({ dial })));
}

describe('createRpc', () => {
  it('calls at each subscription, and not before', async () => {
    const rpc = await start();
    const many = rpc.serverStreamingRequest('pkg.Echo', 'Many', Buffer.from('a'));
    expect(calls).toEqual([]);
    expect(await lastValueFrom(many)).toEqual(Buffer.from('a'));
    await lastValueFrom(many);
    expect(calls).toEqual(['many', 'many']);
  });

  it('joins a stream of requests', async () => {
    const rpc = await start();
    const requests = of(Buffer.from('a'), Buffer.from('b'));
    expect(await rpc.clientStreamingRequest('pkg.Echo', 'Join', requests)).toEqual(
      Buffer.from('ab'),
    );
  });

  it('fails as calls fail', async () => {
    const rpc = await start();
    expect(await failure(rpc.request('pkg.Echo', 'Gone', Buffer.alloc(0)))).toMatch(
      '12 UNIMPLEMENTED',
    );
    const broken = throwError(() => new Error('no more'));
    expect(await failure(rpc.clientStreamingRequest('pkg.Echo', 'Join', broken))).toBe('no more');
  });
});
