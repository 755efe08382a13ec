import { describe, expect, it } from 'vitest';
import type { TtrpcClient, TtrpcServer } from '../../lib/engine/index.js';
import { createMemoryTransport } from '../../lib/testing/index.js';
import { makeClient, makeServer, turn, until } from '../engine/harness.js';
import { Chat, collect, Download, Unary, Upload } from '../rpc/text-service.js';
import { makeCertificates } from '../transport/certificates.js';
import { tempFolder } from '../transport/temp-folder.js';
import { withoutLeaks } from './harness.js';

const at = tempFolder();
const { authority, server: tls } = makeCertificates(at);
let count = 0;

const CLIENTS = 4;
const WORKERS = 8;
const LARGE = 'x'.repeat(50_000);

/** Makes one call after the other until it is told to stop; each has a name of its own. */
async function work(client: TtrpcClient, name: string, seen: Seen): Promise<void> {
  for (let n = 0; !seen.over; n++) {
    const id = `${name}/${n}`;
    // Large requests keep the connection busy in the very moment in which the server ends it.
    const request = n % 2 === 0 ? id : `${id} ${LARGE}`;
    const call = [
      () => client.unary(Unary, request),
      () => collect(client.serverStreaming(Download, request)),
      () => client.clientStreaming(Upload, [request]),
      () => collect(client.bidirectional(Chat, [request])),
    ][n % 4] as () => Promise<string | string[]>;
    try {
      expect([await call()].flat()).toEqual([request]);
      seen.answered.add(id);
    } catch (error) {
      seen.failed.set(id, error);
      await turn();
    }
  }
}

interface Seen {
  over: boolean;
  readonly accepted: Set<string>;
  readonly answered: Set<string>;
  readonly failed: Map<string, unknown>;
}

/** Handlers that take some turns, and write down what they are asked. */
function handlersFor(accepted: Set<string>) {
  const take = async (request: string): Promise<string> => {
    accepted.add(request.split(' ')[0] ?? '');
    for (let turns = 0; turns < 3; turns++) await turn();
    return request;
  };
  return {
    Unary: take,
    async *Download(request: string) {
      yield await take(request);
    },
    async Upload(requests: AsyncIterable<string>) {
      return (await Promise.all((await collect(requests)).map(take))).join('');
    },
    async *Chat(requests: AsyncIterable<string>) {
      for await (const request of requests) yield await take(request);
    },
  };
}

async function listen(kind: string, server: TtrpcServer): Promise<() => TtrpcClient> {
  if (kind === 'memory') {
    const { listen: where, dial } = createMemoryTransport();
    await server.listen(where);
    return () => makeClient({ dial });
  }
  const address = await server.listen(kind === 'unix' ? at(`s${++count}`) : 'tcp://127.0.0.1:0');
  return () => makeClient({ address, ...(kind === 'tls' && { tls: { ca: authority } }) });
}

describe('a graceful shutdown', () => {
  it.each(['unix', 'tcp', 'tls', 'memory'])(
    'under load over %s loses no answer of a call that the server has accepted',
    async (kind) => {
      await withoutLeaks(async () => {
        for (let round = 1; round <= 3; round++) {
          const seen: Seen = {
            over: false,
            accepted: new Set(),
            answered: new Set(),
            failed: new Map(),
          };
          const handlers = handlersFor(seen.accepted);
          const server = makeServer(handlers, kind === 'tls' ? { tls } : {});
          const connect = await listen(kind, server);
          const clients = Array.from({ length: CLIENTS }, connect);
          const workers = clients.flatMap((client, c) =>
            Array.from({ length: WORKERS }, (_, w) => work(client, `${c}/${w}`, seen)),
          );
          await until(() => seen.answered.size > 50 * round);
          await server.shutdown({ graceMs: 60_000 });
          expect(server.stats()).toMatchObject({ connections: 0, openStreams: 0 });
          await until(() => clients.every(({ connected }) => !connected));
          seen.over = true;
          await Promise.all(workers);
          await Promise.all(clients.map((client) => client.close()));
          expect([...seen.accepted].filter((id) => !seen.answered.has(id))).toEqual([]);
          // The others know it: refused with a status, or never read by the server.
          expect(seen.failed.size).toBeGreaterThan(0);
          for (const [id, error] of seen.failed) {
            expect(seen.accepted.has(id)).toBe(false);
            expect(error).toMatchObject({ code: 14 });
          }
        }
      });
    },
  );
});
