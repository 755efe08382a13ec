import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { TtrpcClient } from '../../lib/engine/client.js';
import { TtrpcServer } from '../../lib/engine/server.js';
import type { Peer } from '../../lib/rpc/call.js';
import type { MethodDefinition } from '../../lib/rpc/method-definition.js';
import { payloadCodec } from '../../lib/rpc/payload-codec.js';
import { makeCertificates } from '../transport/certificates.js';
import { tempFolder } from '../transport/temp-folder.js';

const at = tempFolder();
const { authority, server: serverPair, client: clientPair } = makeCertificates(at);

const goMissing = spawnSync('go', ['version']).error !== undefined;
if (goMissing && process.env['CI'] === 'true') throw new Error('CI has to test TLS with Go');
if (goMissing) console.warn("left out of the interop tests: Go's TLS, since go is not there");

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
const ECHO = { Echo: (request: string) => request };
const LARGE = 'x'.repeat(1 << 20);

const opened: { close(): Promise<void> }[] = [];
const relays: ChildProcess[] = [];
afterEach(async () => {
  await Promise.all(opened.splice(0).map((each) => each.close()));
  for (const each of relays.splice(0)) each.stdin?.end();
});

function startServer(options: object, peers: Peer[] = []): TtrpcServer {
  const server = new TtrpcServer({ ...options, onConnect: (peer) => void peers.push(peer) });
  opened.push(server);
  server.addService({ name: 'test.Text', methods: [echo] }, ECHO);
  return server;
}

/** Starts the relay; gives the address that it listens on. */
async function relay(role: 'dial' | 'listen', target: string): Promise<string> {
  const name = role === 'listen' ? 'server' : 'client';
  const files = [`${name}.pem`, `${name}.key`, 'authority.pem'].map(at);
  const child = spawn(at('relay'), [role, target, ...files], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  relays.push(child);
  const [line] = (await once(child.stdout as NodeJS.ReadableStream, 'data')) as [Buffer];
  return `tcp://${line.toString().trim()}`;
}

async function expectEcho(options: ConstructorParameters<typeof TtrpcClient>[0]): Promise<void> {
  const client = new TtrpcClient(options);
  opened.push(client);
  for (const message of ['hi', LARGE]) {
    expect(await client.unary(echo, message, { timeoutMs: 20_000 })).toBe(message);
  }
}

describe.skipIf(goMissing)("Go's TLS", () => {
  beforeAll(() => {
    const folder = join(import.meta.dirname, 'go-tls');
    const { status, stderr } = spawnSync('go', ['build', '-o', at('relay'), 'main.go'], {
      cwd: folder,
      encoding: 'utf8',
    });
    expect(stderr).toBe('');
    expect(status).toBe(0);
  }, 120_000);

  it('is understood by our client, which a tls.Listener knows by its certificate', async () => {
    await startServer({}).listen(`unix:${at('s')}`);
    const address = await relay('listen', at('s'));
    await expectEcho({ address, tls: { ca: authority, ...clientPair } });
  });

  it('refuses our client without a certificate', async () => {
    await startServer({}).listen(`unix:${at('t')}`);
    const client = new TtrpcClient({
      address: await relay('listen', at('t')),
      tls: { ca: authority },
    });
    opened.push(client);
    await expect(client.unary(echo, 'hi', { timeoutMs: 20_000 })).rejects.toMatchObject({
      kind: 'ttrpc.connection',
    });
  });

  it('is understood by our server, which knows it by its certificate', async () => {
    const peers: Peer[] = [];
    const tls = { ...serverPair, ca: authority, requestCert: true };
    const address = await startServer({ tls }, peers).listen('tcp://127.0.0.1:0');
    await expectEcho({ address: await relay('dial', address.slice('tcp://'.length)) });
    expect(peers[0]?.certificate?.subject.CN).toBe('client');
  });
});
