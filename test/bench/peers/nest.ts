import type { Type } from '@nestjs/common';

import type { TtrpcStats } from '../../../lib/engine/index.js';
import { ClientTtrpc, ServerTtrpc } from '../../../lib/index.js';
import {
  BenchController,
  IterableController,
  observableClient,
  PourController,
  serveNest,
  type BenchService,
} from './nest-app.js';
import {
  checked,
  NOTE,
  PROTO_FILE,
  PROTO_PACKAGE,
  type BenchClient,
  type Note,
  type Peer,
} from './peer.js';

/** What every call says: with it, each side keeps a deadline and reads or writes metadata. */
const EVERYTHING = { timeoutMs: 10_000, metadata: { 'x-request-id': 'f00dfeed' } };

/** This package in Nest, each call with a timeout and metadata. */
export const nest: Peer = {
  serve: (path) => serve(path, IterableController),
  connect: (path) => connect(path, [EVERYTHING]),
  openStreams,
};

/** The same, called as the peers are: with the message alone. */
export const nestPlain: Peer = {
  serve: (path) => serve(path, IterableController),
  connect: (path) => connect(path, []),
  openStreams,
};

/** With promises in place of Observables. */
export const nestPromises: Peer = {
  serve: (path) => serve(path, IterableController),
  async connect(path) {
    const client = await connected(path);
    const service = client.getPromiseService<{
      echo(note: Note, options: object): Promise<Note>;
    }>('Bench');
    return {
      echo(done) {
        const answered = (note: Note): void => checked(note, done);
        return () => void service.echo(NOTE, EVERYTHING).then(answered, done);
      },
    };
  },
  openStreams,
};

/** Its server's streams are Observables, which know no backpressure. */
export const nestObservables: Peer = {
  serve: (path) => serve(path, PourController),
  connect: (path) => connect(path, []),
  openStreams,
};

/** The servers and clients of this process. */
const ends: { stats(): TtrpcStats }[] = [];

function openStreams(): number {
  return ends.reduce((sum, end) => sum + end.stats().openStreams, 0);
}

const DEFINITION = { package: PROTO_PACKAGE, protoPath: PROTO_FILE };

async function serve(path: string, streams: Type): Promise<void> {
  const strategy = new ServerTtrpc({ url: `unix://${path}`, ...DEFINITION });
  await serveNest({ strategy }, [BenchController, streams]);
  ends.push(strategy.unwrap());
}

async function connect(path: string, rest: readonly unknown[]): Promise<BenchClient> {
  const client = await connected(path);
  return observableClient(client.getService<BenchService>('Bench'), NOTE, {
    rest,
    iterables: true,
  });
}

async function connected(path: string): Promise<ClientTtrpc> {
  const client = new ClientTtrpc({ url: `unix://${path}`, ...DEFINITION });
  await client.connect();
  ends.push(client.unwrap());
  return client;
}
