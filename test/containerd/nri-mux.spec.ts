import { mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { NriMux } from '../../lib/containerd/index.js';
import { closed } from '../transport/sockets.js';
import { frameBytes } from '../support/arbitraries.js';
import { NriPeer } from './nri-peer.js';

const why = inject('leftOut')['go'];
const CONNECTIONS = [1, 2, 3];

/** A ttrpc message of that many bytes in all. */
const message = (size: number, fill: number): Buffer =>
  frameBytes({ streamId: 1, type: 3, flags: 0, payload: Buffer.alloc(size - 10, fill) });

/** Writes with respect for backpressure, and gives as many bytes as come back. */
async function roundTrip(connection: Duplex, chunks: readonly Buffer[]): Promise<Buffer> {
  const length = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
  const back: Buffer[] = [];
  let got = 0;
  const all = new Promise<void>((resolve, reject) => {
    if (length === 0) resolve();
    connection.once('close', () => reject(connection.errored ?? new Error('the mux has ended')));
    connection.on('data', (chunk: Buffer) => {
      back.push(chunk);
      got += chunk.length;
      if (got >= length) resolve();
    });
  });
  for (const chunk of chunks) {
    await new Promise<void>((resolve) => void connection.write(chunk, () => resolve()));
  }
  await all;
  return Buffer.concat(back);
}

describe.skipIf(why)("Go's multiplexer of NRI", () => {
  let folder: string;
  let peer: NriPeer;

  beforeAll(async () => {
    folder = await mkdtemp('/tmp/nri-');
    peer = new NriPeer('mux', join(folder, 's'));
    await peer.next('listens');
  });

  afterAll(async () => {
    await peer.stop();
    await rm(folder, { recursive: true });
  });

  /** Sends to all connections at once what comes back, and says whether it is the same. */
  async function isSame(all: readonly (readonly Buffer[])[]): Promise<boolean> {
    const socket = connect(join(folder, 's'));
    const mux = new NriMux(socket);
    const connections = CONNECTIONS.map((id) => mux.open(id));
    try {
      const back = await Promise.all(
        connections.map((connection, at) => roundTrip(connection, all[at] ?? [])),
      );
      return back.every((bytes, at) => bytes.equals(Buffer.concat(all[at] ?? [])));
    } finally {
      mux.close();
      await closed(socket);
    }
  }

  it('gives back messages of all sizes, on several connections at once', async () => {
    const size = fc.oneof(
      fc.integer({ min: 10, max: 100 }),
      fc.integer({ min: 4090, max: 4102 }),
      fc.integer({ min: 60_000, max: 200_000 }),
    );
    const chunks = fc.array(
      fc.tuple(size, fc.nat({ max: 255 })).map(([length, fill]) => message(length, fill)),
      { maxLength: 8 },
    );
    await fc.assert(
      fc.asyncProperty(fc.array(chunks, { minLength: 3, maxLength: 3 }), async (all) => {
        expect(await isSame(all)).toBe(true);
      }),
      { numRuns: 60 },
    );
  });

  it('gives back the largest messages', async () => {
    const largest = [1, 2, 3].map((fill) => message(4 * 1024 * 1024 + 10, fill));
    expect(await isSame([largest, largest, [message(12, 1)]])).toBe(true);
  });

  it('gives back thousands of small messages', async () => {
    const batch = Buffer.concat(
      Array.from({ length: 3000 }, (_, n) => message(10 + (n % 50), n % 256)),
    );
    expect(await isSame([[batch, batch], [batch], [batch]])).toBe(true);
  });
});
