import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';

import { until } from '../engine/harness.js';
import { tempFolder } from '../transport/temp-folder.js';
import { bulk, type BulkOrder } from './jobs/bulk.js';
import { endOf } from './jobs/chaos.js';
import { planFor } from './jobs/chaos-plan.js';
import { lift } from './jobs/lift.js';
import { stall } from './jobs/stall.js';
import { HELP } from './options.js';
import { connect, serve } from './peers/all.js';
import { sources, type Config, type LoadClient, type LoadServer } from './peers/peer.js';
import { resources, type Resources } from './resources.js';
import { schedule } from './schedule.js';
import { TINY_BUFFER } from './socket-buffers.js';
import { STUDIES } from './studies/all.js';
import { inParts, leaked, type Checkpoint } from './studies/leaks.js';
import { Watchdog } from './watchdog.js';

// The studies in small and in one process; processes.spec.ts has what needs several.

const at = tempFolder();
const proto = join(import.meta.dirname, 'load.proto');
const PEERS = ['engine', 'nest'] as const;
let sockets = 0;

interface Pair {
  readonly config: Config;
  readonly server: LoadServer;
  readonly client: LoadClient;
}

/** A server and a client that end with the test. */
async function pair(given: Omit<Config, 'path' | 'proto'>): Promise<Pair> {
  const config = { ...given, proto, path: at(`s${++sockets}`) };
  const server = await serve(config);
  const client = await connect(config);
  await client.connect();
  onTestFinished(async () => {
    await client.close();
    await server.close();
  });
  return { config, server, client };
}

describe('very many', () => {
  const WORKS = [
    ['unary', 5000],
    ['streams', 500],
    ['connections', 100],
    ['cancelled', 500],
  ] as const;

  it.each(PEERS.flatMap((peer) => WORKS.map((work) => [...work, peer] as const)))(
    '%s (%i) leave nothing: %s',
    async (job, calls, peer) => {
      const { config, server, client } = await pair({ peer });
      // Both are this process; collecting the test runner's garbage takes its time.
      let both: Resources;
      const on = {
        work: (part: BulkOrder) => bulk(client, part, () => connect(config)).result,
        server: async () => (both = await resources([server])),
        client: async () => ({ ...both, stats: client.stats() }),
      };
      const checkpoints = await inParts({ job, calls, atOnce: 16 }, on, 3);
      // Timers and handles are the test runner's, too.
      const faults = leaked(checkpoints).filter((fault) => !/timers|handles/.test(fault));
      expect(faults).toEqual([]);
    },
    60_000,
  );

  it('are seen in what they leave', () => {
    const nothing = { stats: { openStreams: 0, connections: 1 }, sources: 0, handles: 1 };
    const kept = { ...nothing, heapBytes: 1e7, descriptors: 9, timers: 1 } as Resources;
    const more = {
      heapBytes: 1.2e7,
      descriptors: 10,
      timers: 2,
      handles: 2,
      sources: 1,
      stats: { openStreams: 1, connections: 2 },
    } as Resources;
    const checkpoint = (server: Resources): Checkpoint => ({ done: 1, server, client: kept });
    expect(leaked([checkpoint(kept), checkpoint(kept), checkpoint(kept)])).toEqual([]);
    expect(leaked([checkpoint(kept), checkpoint(kept), checkpoint(more)])).toHaveLength(7);
  });
});

describe('requests and answers larger than the sockets hold', () => {
  it.runIf(process.platform === 'linux').each(PEERS)(
    'wait for each other in no case: %s',
    async (peer) => {
      const { client } = await pair({ peer, buffers: TINY_BUFFER });
      const calls = 300;
      const order = { job: 'lift', calls, atOnce: 100, size: 200_000 } as const;
      expect(await lift(client, order).result).toBe(calls);
    },
    60_000,
  );
});

describe('a consumer that stalls', () => {
  const STREAMS = 99;
  const COUNT = 100;
  const SIZE = 1024;
  /** maxStreamBufferBytes, what the socket holds and some batches; the stalled stream has far more. */
  const ENOUGH = 16e6;

  it.each([
    ['engine', 'download', false],
    ['engine', 'upload', false],
    ['nest', 'download', false],
    ['nest', 'upload', false],
    ['nest', 'download', true],
    ['nest', 'upload', true],
  ] as const)(
    'pauses its producer and costs its own stream alone: %s, %s, Observables %s',
    async (peer, kind, observables) => {
      const { server, client } = await pair({ peer, bounds: { stallTimeoutMs: 300 } });
      const before = sources.open;
      const order = { job: 'stall', kind, streams: STREAMS, count: COUNT, size: SIZE } as const;
      const { failure, givenBytes } = await stall(client, { ...order, observables, stalled: true })
        .result;
      expect(failure).toMatch(/maxStreamBufferBytes/);
      // Observables can't be told to wait.
      if (!observables) expect(givenBytes).toBeLessThan(STREAMS * COUNT * SIZE + ENOUGH);
      const ends = { server, client };
      const stalls = Object.values(ends).map((end) => end.stats().stalledStreams);
      expect(stalls).toEqual(kind === 'download' ? [0, 1] : [1, 0]);
      await until(() => server.stats().openStreams === 0 && sources.open === before);
      expect(client.stats()).toMatchObject({ openStreams: 0, connections: 1 });
    },
    60_000,
  );
});

describe('chaos', () => {
  it('is the same for the same seed', () => {
    const events = (seed: number): unknown[] => {
      const all = schedule(seed);
      return Array.from({ length: 100 }, () => all.next().value);
    };
    expect(events(7)).toEqual(events(7));
    expect(events(7)).not.toEqual(events(8));
    const plans = (seed: number): string[] =>
      Array.from({ length: 100 }, (_, call) => JSON.stringify(planFor(seed, call + 1)));
    expect(plans(7)).toEqual(plans(7));
    expect(plans(7)).not.toEqual(plans(8));
  });

  it('knows no end of a call but those that are documented', async () => {
    const { client, server } = await pair({ peer: 'engine' });
    const plan = { ...planFor(1, 1), abortMs: 0 };
    await expect(client.make({ ...plan, options: { timeoutMs: 1e-9 } })).rejects.toSatisfy(
      (error) => endOf(error, plan) === 'deadline',
    );
    const aborted = { ...plan, options: { signal: AbortSignal.abort() } };
    await expect(client.make(aborted)).rejects.toSatisfy(
      (error) =>
        endOf(error, plan) === undefined && endOf(error, { ...plan, abortMs: 1 }) === 'cancelled',
    );
    await server.close();
    await expect(client.make({ ...plan, options: {} })).rejects.toSatisfy((error) =>
      ['lost', 'unreached'].includes(String(endOf(error, plan))),
    );
    expect(endOf(new Error('any'), plan)).toBeUndefined();
  });
});

describe.runIf(process.platform === 'linux')('the watchdog', () => {
  const LOOKS = 1000;

  it('takes progress and work for none', () => {
    const watchdog = new Watchdog([process.pid]);
    // This process runs while it looks at itself.
    for (let look = 0; look < LOOKS; look++) watchdog.look(0);
    for (let look = 0; look < LOOKS; look++) watchdog.look(look);
  });

  it('tells a stall of processes that sleep', async () => {
    const sleeper = spawn('sleep', ['60']);
    onTestFinished(() => void sleeper.kill());
    const stat = `/proc/${sleeper.pid}/stat`;
    await until(() => readFileSync(stat, 'utf8').includes('(sleep) S '));
    const watchdog = new Watchdog([sleeper.pid ?? 0]);
    expect(() => {
      for (let look = 0; look < LOOKS; look++) watchdog.look(7);
    }).toThrow('stalled after 7 calls: all processes sleep');
  });
});

describe('the studies', () => {
  it('are named by the help', () => {
    for (const { name } of STUDIES) expect(HELP).toContain(name);
  });
});
