import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { drive } from './drive.js';
import { HELP } from './options.js';
import { enginePromises } from './peers/engine.js';
import type { BenchClient } from './peers/peer.js';
import type { Job, Settled } from './protocol.js';
import { settle } from './settle.js';
import { STUDIES } from './studies/all.js';
import { steepest, type Curve } from './studies/curves.js';
import { compareTenths, makeCalls, type Tenth } from './studies/growth.js';
import { methodCurves } from './studies/methods.js';
import { holds, once, verdicts, type Check } from './studies/study.js';

const CALLS = 20_000;
const SMALL = { inFlight: 64, connections: 1, count: 1, size: 16, milliseconds: 20 } as const;

describe('growth', () => {
  const folder = mkdtempSync(join(tmpdir(), 'ttrpc-bench-'));
  const here = process.cwd();
  let client: BenchClient;
  const end = { settle: () => settle(enginePromises) };
  // Both ends are this process.
  const nothing: Settled = { rssBytes: 0, heapBytes: 0, timers: 0, openStreams: 0 };
  const nobody = { settle: async () => nothing };

  beforeAll(async () => {
    // As the runner does, since the definition is found by its bare name.
    process.chdir(import.meta.dirname);
    await enginePromises.serve(join(folder, 's'));
    client = await enginePromises.connect(join(folder, 's'));
  });

  afterAll(() => {
    process.chdir(here);
    rmSync(folder, { recursive: true, force: true });
  });

  it.each(['echo', 'pour'] as const)(
    'leaves nothing of calls behind: %s',
    async (call) => {
      const job: Job = { ...SMALL, call };
      const tenths = await makeCalls(CALLS, { server: end, client: nobody }, () =>
        drive([client], job),
      );
      expect(tenths).toHaveLength(10);
      expect(tenths.at(-1)?.done).toBeGreaterThanOrEqual(CALLS);
      // The process is the test runner's too, whose timers come and go.
      const own = ['heap MB', 'open streams'];
      const checks = compareTenths(call, 'engine', tenths).filter(({ unit }) => own.includes(unit));
      expect(checks).toHaveLength(4);
      expect(checks.filter((check) => !holds(check))).toEqual([]);
    },
    60_000,
  );

  it('is seen in what is kept', () => {
    const kept = { rssBytes: 5e7, heapBytes: 5e6, timers: 1, openStreams: 0 };
    const tenth = (server: Settled): Tenth => ({ done: 1, server, client: kept });
    const grown = { ...kept, heapBytes: 6.1e6, timers: 18, openStreams: 1 };
    const checks = compareTenths('unary', 'nest', [tenth(kept), tenth(kept), tenth(grown)]);
    expect(checks.filter((check) => !holds(check))).toMatchObject([
      { subject: 'nest server', unit: 'heap MB' },
      { subject: 'nest server', unit: 'timers' },
      { subject: 'nest server', unit: 'open streams' },
    ]);
  });
});

describe('settle', () => {
  it('counts timers that run, even those that keep no process alive', async () => {
    const before = await settle(enginePromises);
    const timers = Array.from({ length: 1000 }, () => setTimeout(() => undefined, 60_000).unref());
    expect((await settle(enginePromises)).timers).toBeGreaterThan(before.timers + 900);
    for (const timer of timers) clearTimeout(timer);
  });
});

describe('curves', () => {
  const curve = (costs: readonly number[]): Curve => ({
    work: 'streams',
    subject: 'nest',
    sizes: 'streams',
    points: costs.map((cost, index) => ({ size: 10 ** index, cost, each: cost })),
  });

  it('finds the step at which cost grows most beside the size', () => {
    expect(steepest(curve([5, 50, 500]))).toMatchObject({ ratio: { median: 1 } });
    expect(holds(steepest(curve([5, 50, 500])))).toBe(true);
    expect(steepest(curve([5, 5, 500]))).toMatchObject({ subjectValue: 100, peerValue: 10 });
    expect(holds(steepest(curve([5, 5, 500])))).toBe(false);
  });

  it('bears a first size of 0', () => {
    const points = [
      { size: 0, cost: 1, each: 1 },
      { size: 64, cost: 2, each: 2 },
    ];
    expect(holds(steepest({ ...curve([]), points }))).toBe(true);
  });

  it('loads, serves and finds methods', () => {
    const all = methodCurves(true);
    expect(all.map(({ work }) => work)).toEqual(['curve-load', 'curve-serve', 'curve-dispatch']);
    for (const { points } of all) expect(points.every(({ cost }) => cost > 0)).toBe(true);
  });
});

describe('verdicts', () => {
  const check: Check = {
    work: 'start',
    subject: 'nest',
    peer: 'go',
    ratio: once(3, 2),
    unit: 'ms',
    subjectValue: 3,
    peerValue: 2,
    atMost: 1.5,
  };

  it('are of ratios or differences, and none where a value is only shown', () => {
    const checks = [
      check,
      { ...check, atMost: 1.4 },
      { ...check, atMost: 0.9, by: 'difference' as const },
      { ...check, atMost: Infinity },
    ];
    const column = verdicts(checks)
      .split('\n')
      .slice(2, -1)
      .map((line) => line.split('|').at(-2)?.trim());
    expect(column).toEqual(['met', 'missed', 'missed', '']);
  });
});

describe('the studies', () => {
  it('are named by the help', () => {
    for (const { name } of STUDIES) expect(HELP).toContain(name);
  });
});
