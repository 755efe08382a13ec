// The process that a Node subject or peer is measured in: `serve PEER SOCKET` or
// `drive PEER SOCKET`; see protocol.ts.
import { createInterface } from 'node:readline';

import { drive } from './drive.js';
import type { BenchClient, Peer } from './peers/peer.js';
import { FIRST, READY, SETTLE, USAGE, type Job } from './protocol.js';
import { settle } from './settle.js';
import { usage } from './usage.js';

/** Loaded one by one, so that each process has only its own in memory. */
const PEERS: Record<string, () => Promise<Peer>> = {
  raw: async () => (await import('./peers/raw.js')).raw,
  engine: async () => (await import('./peers/engine.js')).engine,
  'engine-promises': async () => (await import('./peers/engine.js')).enginePromises,
  nest: async () => (await import('./peers/nest.js')).nest,
  'nest-promises': async () => (await import('./peers/nest.js')).nestPromises,
  'nest-observables': async () => (await import('./peers/nest.js')).nestObservables,
  'nest-plain': async () => (await import('./peers/nest.js')).nestPlain,
  'nest-grpc': async () => (await import('./peers/nest-grpc.js')).nestGrpc,
  'nest-tcp': async () => (await import('./peers/nest-tcp.js')).nestTcp,
  'grpc-js': async () => (await import('./peers/grpc.js')).grpc,
  protobufjs: async () => (await import('./peers/protobufjs.js')).protobufjs,
};

const [, , role, name = '', path = ''] = process.argv;
const peer = await PEERS[name]?.();
if (peer === undefined || path === '') throw new Error('usage: host serve|drive PEER SOCKET');

const clients: BenchClient[] = [];
if (role === 'serve') await peer.serve(path);
else clients.push(await peer.connect(path));
console.log(READY);

const answers: Record<string, () => unknown> = {
  [USAGE]: usage,
  [SETTLE]: () => settle(peer),
  [FIRST]: first,
};
for await (const line of createInterface(process.stdin)) {
  const answer = answers[line] ?? (() => run(JSON.parse(line) as Job));
  console.log(JSON.stringify(await answer()));
}
process.exit();

async function first(): Promise<object> {
  await join();
  return {};
}

/** The call makes sure that the connection is accepted, before more are made than may wait for that. */
async function join(): Promise<BenchClient> {
  const client = await (peer as Peer).connect(path);
  await new Promise<void>((resolve, reject) => {
    client.echo((error) => (error === undefined ? resolve() : reject(error)))();
  });
  return client;
}

async function run(job: Job): Promise<unknown> {
  while (clients.length < job.connections) clients.push(await join());
  return drive(clients, job);
}
