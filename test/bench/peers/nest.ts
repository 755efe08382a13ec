import type { TtrpcStats } from '../../../lib/engine/index.js';
import { ClientTtrpc, ServerTtrpc } from '../../../lib/index.js';
import {
  EchoController,
  IterableController,
  observableClient,
  serveNest,
  type BenchService,
} from './nest-app.js';
import { NOTE, PROTO_FILE, PROTO_PACKAGE, type BenchClient, type Peer } from './peer.js';

/** What every call says: with it, each side keeps a deadline and reads or writes metadata. */
const EVERYTHING = { timeoutMs: 10_000, metadata: { 'x-request-id': 'f00dfeed' } };

/** This package in Nest, each call with a timeout and metadata. */
export const nest: Peer = {
  serve,
  connect: (path) => connect(path, [EVERYTHING]),
  openStreams,
};

/** The same, called as the peers are: with the message alone. */
export const nestPlain: Peer = {
  serve,
  connect: (path) => connect(path, []),
  openStreams,
};

/** The servers and clients of this process. */
const ends: { stats(): TtrpcStats }[] = [];

function openStreams(): number {
  return ends.reduce((sum, end) => sum + end.stats().openStreams, 0);
}

const DEFINITION = { package: PROTO_PACKAGE, protoPath: PROTO_FILE };

async function serve(path: string): Promise<void> {
  const strategy = new ServerTtrpc({ url: `unix://${path}`, ...DEFINITION });
  await serveNest({ strategy }, [EchoController, IterableController]);
  ends.push(strategy.unwrap());
}

async function connect(path: string, rest: readonly unknown[]): Promise<BenchClient> {
  const client = new ClientTtrpc({ url: `unix://${path}`, ...DEFINITION });
  await client.connect();
  ends.push(client.unwrap());
  return observableClient(client.getService<BenchService>('Bench'), NOTE, rest);
}
