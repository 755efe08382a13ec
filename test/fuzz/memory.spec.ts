import { once } from 'node:events';
import type { Duplex } from 'node:stream';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { TtrpcClient, TtrpcServer, type ClientOptions } from '../../lib/engine/index.js';
import { createDuplexPair } from '../../lib/testing/duplex-pair.js';
import { createMemoryTransport } from '../../lib/testing/index.js';
import { data, field, frame, request, response } from '../conformance/rule.js';
import { REQUEST } from '../interop/frames.js';
import type { Reply } from '../interop/outcome.js';
import { INTEROP, methodOf } from '../interop/service.js';
import { budget, timeout } from './budget.js';
import { hostileFrames } from './hostile.js';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

const KIB = 1024;
/** Small, so that a flood is many times as much. */
const LIMITS = {
  maxPayloadBytes: 64 * KIB,
  maxOpenStreams: 64,
  maxSendBufferBytes: 128 * KIB,
  maxStreamBufferBytes: 32 * KIB,
  maxReceiveBufferBytes: 128 * KIB,
  stallTimeoutMs: 20,
} satisfies ClientOptions;

/** What a peer sends, in bytes. */
const FLOOD = 4 * 1024 * KIB;
/**
 * What may be kept, in bytes: untaken messages, running requests and unread answers, of which each has
 * its bound and may be twice that, as objects; a frame that is being collected; and 1 MiB for 64 calls,
 * the batches of answers, and what a pipe in memory holds.
 */
const BOUND = (2 * 3 * 128 + 64 + 1024) * KIB;

/** A run here moves megabytes: one takes as long as hundreds of another property. */
const runs = budget.numRuns === Infinity ? budget : { ...budget, numRuns: 2 };

/** What is in use, in bytes. The memory of buffers is given back by another thread, behind a collection. */
async function memory(): Promise<number> {
  for (let times = 0; times < 2; times++) {
    collectGarbage();
    await nextTurn();
  }
  collectGarbage();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

/** The frames over and over, each time of other streams, in pieces as a socket gives them. */
function* flood(frames: readonly Buffer[]): Generator<Buffer> {
  for (let [round, sent] = [0, 0]; sent < FLOOD;) {
    const piece: Buffer[] = [];
    for (let length = 0; length < PIECE; round++) {
      for (const one of frames) {
        piece.push(shifted(one, 32 * round));
        length += one.length;
      }
    }
    const bytes = Buffer.concat(piece);
    sent += bytes.length;
    yield bytes;
  }
}

const PIECE = 64 * KIB;

function shifted(bytes: Buffer, ids: number): Buffer {
  const copy = Buffer.from(bytes);
  copy.writeUInt32BE((copy.readUInt32BE(4) + ids) >>> 0, 4);
  return copy;
}

/** Sends a flood as fast as it is taken; gives what is kept behind it. */
async function growth(socket: Duplex, frames: readonly Buffer[]): Promise<number> {
  const closed = new Promise((resolve) => void socket.once('close', resolve));
  const before = await memory();
  for (const bytes of flood(frames)) {
    if (socket.destroyed) break;
    if (!socket.write(bytes)) await Promise.race([once(socket, 'drain'), closed]);
  }
  return (await memory()) - before;
}

const never = (): Promise<never> => new Promise(() => {});

/** What a client that floods makes a server keep. */
async function keptByServer(frames: readonly Buffer[], reads: boolean): Promise<number> {
  const transport = createMemoryTransport();
  const server = new TtrpcServer(LIMITS);
  server.addService(INTEROP, {
    Echo: (message: Reply) => (message['text'] === 'stay' ? never() : message),
    Nothing: never,
    Inspect: never,
    InspectStream: () => [{}],
    Fail: () => Promise.reject(new Error('as asked')),
    Sleep: never,
    Grow: () => ({ data: Buffer.alloc(60 * KIB).toString('base64') }),
    Count: () => Array.from({ length: 1000 }, () => ({ value: 1 })),
    Sum: never,
    Chat: (messages: AsyncIterable<Reply>) => messages,
    First: never,
    Brief: async function* () {
      await never();
      yield {};
    },
  });
  await server.listen(transport.listen);
  const socket = await transport.dial(undefined as never);
  socket.on('error', () => undefined);
  if (reads) socket.resume();
  const kept = await growth(socket, frames);
  socket.destroy();
  await server.close();
  return kept;
}

/** What a server that floods makes a client keep, whose callers take one message each. */
async function keptByClient(frames: readonly Buffer[]): Promise<number> {
  const [near, far] = createDuplexPair();
  far.on('error', () => undefined).resume();
  const client = new TtrpcClient({ dial: () => near, ...LIMITS });
  const calls: Promise<unknown>[] = [];
  for (let count = 0; count < 20; count++) {
    calls.push(client.unary(methodOf('Echo'), { text: 'a' }));
    const responses = client.serverStreaming(methodOf('InspectStream'), {});
    calls.push(responses[Symbol.asyncIterator]().next());
  }
  const ends = Promise.allSettled(calls);
  await once(far, 'data');
  const kept = await growth(far, frames);
  far.destroy();
  await client.close();
  await ends;
  return kept;
}

/** Messages with so many bytes of data. */
const SIXTY_KIB = `1a 80e003 00*${60 * KIB}`;
const THIRTY_KIB = `1a 80f001 00*${30 * KIB}`;

const METADATA = field(5, `0a01 "k" 12 80e003 61*${60 * KIB}`);
const FIFTY_EMPTY = Array.from({ length: 50 }, () => data(1, 0));

describe('what a hostile client makes a server keep', { timeout }, () => {
  it.each<[string, Buffer[], boolean]>([
    [
      'requests that are never answered',
      [request(1, 0, 'Echo', field(3, `0a04 "stay" ${SIXTY_KIB}`))],
      true,
    ],
    ['metadata that is never answered', [request(1, 0, 'Nothing', METADATA)], true],
    ['messages that nobody takes', [request(1, 6, 'Brief'), data(1, 0, THIRTY_KIB)], true],
    ['empty messages that nobody takes', [request(1, 6, 'Brief'), ...FIFTY_EMPTY], true],
    ['answers that nobody reads', [request(1, 0, 'Echo', field(3, THIRTY_KIB))], false],
    ['streams of answers that nobody reads', [request(1, 1, 'Count')], false],
    ['refusals that nobody reads', [request(2, 0, 'Echo')], false],
    ['streams that are opened and left', [request(1, 6, 'Chat')], true],
    ['frames above the maximum', [frame(1, REQUEST, 0, Buffer.alloc(64 * KIB + 1))], true],
    ['unknown names', [request(1, 0, 'x'.repeat(100))], true],
  ])('as %s is within its bounds', async (_, frames, reads) => {
    expect(await keptByServer(frames, reads)).toBeLessThan(BOUND);
  });

  it('is within its bounds, whatever frames come', async () => {
    await fc.assert(
      fc.asyncProperty(hostileFrames('client'), fc.boolean(), async (frames, reads) => {
        expect(await keptByServer(frames, reads)).toBeLessThan(BOUND);
      }),
      runs,
    );
  });
});

const IDS = Array.from({ length: 16 }, (_, at) => 2 * at + 1);
/** A pair of metadata, of 30 KiB. */
const PAIR = `0a 84f001 0a 80f001 61*${30 * KIB}`;
const MANY_DETAILS = field(1, `0805 ${'1a00'.repeat(25_000)}`);

describe('what a hostile server makes a client keep', { timeout }, () => {
  it.each<[string, Buffer[]]>([
    ['messages that nobody takes', IDS.map((id) => data(id, 0, PAIR))],
    ['statuses with details', IDS.map((id) => response(id, MANY_DETAILS))],
    ['answers to nobody', [response(0x1000_0001, field(2, THIRTY_KIB))]],
  ])('as %s is within its bounds', async (_, frames) => {
    expect(await keptByClient(frames)).toBeLessThan(BOUND);
  });

  it('is within its bounds, whatever frames come', async () => {
    await fc.assert(
      fc.asyncProperty(hostileFrames('server'), async (frames) => {
        expect(await keptByClient(frames)).toBeLessThan(BOUND);
      }),
      runs,
    );
  });
});
