import { once } from 'node:events';
import { connect } from 'node:net';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { TtrpcClient } from '../../lib/engine/client.js';
import type { ClientOptions } from '../../lib/engine/client-options.js';
import { TtrpcServer } from '../../lib/engine/server.js';
import type { ServerOptions } from '../../lib/engine/server-options.js';
import type { Peer } from '../../lib/rpc/call.js';
import type { MethodDefinition } from '../../lib/rpc/method-definition.js';
import { payloadCodec } from '../../lib/rpc/payload-codec.js';
import { makeCertificates } from '../transport/certificates.js';
import { rejection } from '../transport/sockets.js';
import { tempFolder } from '../transport/temp-folder.js';

const {
  authority,
  server: serverPair,
  client: clientPair,
  stranger,
} = makeCertificates(tempFolder());

const text = payloadCodec<string>({
  encode: (value) => Buffer.from(value),
  decode: (bytes) => Buffer.from(bytes).toString(),
});
const echo: MethodDefinition<string, string> = {
  service: 'test.Text',
  name: 'Echo',
  kind: 'unary',
  request: text,
  response: text,
};

const opened: { close(): Promise<void> }[] = [];
afterEach(async () => {
  await Promise.all(opened.splice(0).map((each) => each.close()));
});

/** A server of TLS on a port of loopback, and what it saw. */
async function start(options: ServerOptions = {}): Promise<{
  server: TtrpcServer;
  address: string;
  peers: Peer[];
  errors: Error[];
}> {
  const peers: Peer[] = [];
  const errors: Error[] = [];
  const server = new TtrpcServer({
    tls: serverPair,
    onConnect: (peer) => void peers.push(peer),
    onError: (error) => void errors.push(error),
    ...options,
  });
  opened.push(server);
  server.addService(
    { name: 'test.Text', methods: [echo] },
    {
      Echo: (request: string) => request,
    },
  );
  return { server, peers, errors, address: await server.listen('tcp://127.0.0.1:0') };
}

function call(address: string, tls: ClientOptions['tls'], request = 'hi'): Promise<string> {
  const client = new TtrpcClient({ address, tls });
  opened.push(client);
  return client.unary(echo, request, { timeoutMs: 20_000 });
}

const mutual = { ...serverPair, ca: authority, requestCert: true };

describe('TLS', () => {
  it('carries calls, small and large', async () => {
    const { address, peers } = await start();
    expect(await call(address, { ca: authority })).toBe('hi');
    const large = 'x'.repeat(3 << 20);
    expect(await call(address, { ca: authority }, large)).toBe(large);
    expect(peers[0]?.certificate).toBeUndefined();
    expect(peers[0]?.address).toMatch(/^tcp:\/\/127\.0\.0\.1:\d+$/);
  });

  it('shows handlers the certificate of a client that the authority has signed', async () => {
    const { address, peers } = await start({ tls: mutual });
    expect(await call(address, { ca: authority, ...clientPair })).toBe('hi');
    expect(peers[0]?.certificate).toMatchObject({
      subject: { CN: 'client' },
      subjectaltname: 'IP Address:127.0.0.1, DNS:localhost',
    });
  });

  it.each<[string, ClientOptions['tls']]>([
    ['no certificate', { ca: authority }],
    ['one of its own making', { ca: authority, ...stranger }],
  ])('refuses a client with %s, where they must be known', async (_, tls) => {
    const { server, address, peers, errors } = await start({ tls: mutual });
    expect(await rejection(call(address, tls))).toMatchObject({ kind: 'ttrpc.connection' });
    await vi.waitFor(() => expect(errors).toHaveLength(1));
    expect(errors[0]).toMatchObject({ kind: 'ttrpc.handshake' });
    expect(errors[0]?.message).toContain('TLS refused the connection: ');
    expect(server.stats().failedHandshakes).toBe(1);
    expect(peers).toEqual([]);
  });

  it('does not show a certificate that nobody has verified', async () => {
    const { address, peers } = await start({ tls: { ...mutual, rejectUnauthorized: false } });
    expect(await call(address, { ca: authority, ...stranger })).toBe('hi');
    expect(peers[0]?.certificate).toBeUndefined();
  });

  it('refuses a server that the client does not trust, and says why', async () => {
    const { address } = await start();
    const error = await rejection(call(address, {}));
    expect(error).toMatchObject({
      kind: 'ttrpc.connection',
      reason: 'dial',
      requestWritten: false,
    });
    expect(error.message).toContain(
      `cannot connect to ${address}: UNABLE_TO_VERIFY_LEAF_SIGNATURE`,
    );
  });

  it('refuses a client that speaks ttrpc without TLS', async () => {
    const { address, errors } = await start();
    await expect(call(address, undefined)).rejects.toMatchObject({ kind: 'ttrpc.connection' });
    await vi.waitFor(() => expect(errors[0]?.message).toContain('TLS refused the connection: '));
  });

  it('gives TLS the time of a handshake', async () => {
    const { server, address, errors } = await start({ handshakeTimeoutMs: 30 });
    const silent = connect(Number(new URL(address).port), '127.0.0.1');
    silent.on('error', () => {});
    await once(silent, 'close');
    expect(errors[0]?.message).toBe('TLS refused the connection: TLS handshake timeout');
    expect(server.stats().failedHandshakes).toBe(1);
  });

  it('counts who is not secure yet, and closes who is above the bound', async () => {
    const { server, address, errors } = await start({ maxConnections: 1 });
    const port = Number(new URL(address).port);
    const first = connect(port, '127.0.0.1');
    await once(first, 'connect');
    const second = connect(port, '127.0.0.1');
    second.on('error', () => {});
    await once(second, 'close');
    expect(errors[0]?.message).toBe('connection refused: maxConnections is 1');
    expect(server.stats().refusedConnections).toBe(1);
    first.destroy();
  });

  it('closes who is not secure yet when the server closes', async () => {
    const { server, address } = await start();
    const silent = connect(Number(new URL(address).port), '127.0.0.1');
    silent.on('error', () => {});
    await once(silent, 'connect');
    await call(address, { ca: authority });
    const closed = once(silent, 'close');
    await server.close();
    await closed;
  });

  it('lets the handshake see the secure connection', async () => {
    const { address, peers } = await start({
      tls: mutual,
      handshake: (socket) => (socket as { encrypted?: boolean }).encrypted,
    });
    await call(address, { ca: authority, ...clientPair });
    expect(peers[0]?.attachment).toBe(true);
  });

  it('is for TCP', async () => {
    const server = new TtrpcServer({ tls: serverPair });
    await expect(server.listen('unix:/tmp/never')).rejects.toThrow(
      'cannot listen on unix:///tmp/never: TLS is for tcp:// addresses',
    );
    expect(() => new TtrpcClient({ address: '/tmp/never', tls: {} })).toThrow(
      'tls is for tcp:// addresses, got unix:///tmp/never',
    );
    expect(() => new TtrpcClient({ dial: () => never(), tls: {} })).toThrow(
      'a dial makes TLS itself',
    );
  });

  it.each<[ServerOptions, string]>([
    [{ tls: {} }, 'tls of a server needs a key and a cert, or a pfx'],
    [{ tls: true as never }, 'tls must be an object of options, got boolean'],
    [{ tls: null as never }, 'tls must be an object of options, got null'],
    [{ socketOwner: { user: 0 } as never }, 'socketOwner has uid and gid, got user'],
    [{ socketOwner: { uid: -1 } }, 'socketOwner.uid must be a whole number from 0'],
    [
      { allowAnonymousRemote: 1 as never },
      'allowAnonymousRemote must be true or false, got number',
    ],
  ])('refuses %j', (options, message) => {
    expect(() => new TtrpcServer(options)).toThrow(message);
  });

  it('says what is wrong with a certificate when it is to be used', async () => {
    const server = new TtrpcServer({ tls: { key: 'x', cert: 'y' } });
    await expect(server.listen('tcp://127.0.0.1:0')).rejects.toThrow('cannot listen on tcp://');
  });
});

describe('a server that other machines could reach', () => {
  const anywhere = (address: string, options: ServerOptions): Promise<string> => {
    const server = new TtrpcServer(options);
    opened.push(server);
    return server.listen(address);
  };
  const known = { ...mutual };

  it.each<[string, ServerOptions]>([
    ['tcp://0.0.0.0:0', {}],
    ['tcp://[::]:0', {}],
    ['tcp://0.0.0.0:0', { tls: serverPair }],
    ['tcp://0.0.0.0:0', { tls: { ...known, requestCert: false } }],
    ['tcp://0.0.0.0:0', { tls: { ...known, rejectUnauthorized: false } }],
    ['tcp://0.0.0.0:0', { tls: { ...serverPair, requestCert: true } }],
    ['tcp://0.0.0.0:0', { handshake: () => undefined }],
  ])('does not listen on %s with %#', async (address, options) => {
    const error = await rejection(anywhere(address, options));
    expect(error).toMatchObject({ kind: 'ttrpc.connection' });
    expect(error.message).toContain('can be reached from other machines, and nothing says who');
    expect(error.message).toContain('allowAnonymousRemote');
  });

  it.each<[string, ServerOptions]>([
    ['tcp://localhost:0', {}],
    ['tcp://127.1.2.3:0', {}],
    ['tcp://0.0.0.0:0', { allowAnonymousRemote: true }],
    ['tcp://0.0.0.0:0', { tls: known }],
  ])('listens on %s with %#', async (address, options) => {
    expect(await anywhere(address, options)).toMatch(/^tcp:/);
  });
});

function never(): never {
  throw new Error('unused');
}
