import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { NEVER } from 'rxjs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { drive } from './drive.js';
import { toJson } from './json.js';
import type { Result, Round } from './measure.js';
import { readOptions } from './options.js';
import { engine, enginePromises } from './peers/engine.js';
import { observableClient, type BenchService } from './peers/nest-app.js';
import { NOTE } from './peers/peer.js';
import { FRAME } from './peers/raw.js';
import { parseList } from './pinning.js';
import { plot } from './plot.js';
import { ratios, type Measured } from './ratios.js';
import { number, report, table } from './report.js';
import { quantile, ratio, spread } from './statistics.js';
import { COMPARISONS, SUBJECTS, baseSubjects, takesPart } from './subjects.js';
import { judge, TARGETS, targetsTable } from './targets.js';
import { worksOf } from './works.js';

// Keeps the harness alive. It measures nothing: how fast a machine is decides no test.

describe('drive', () => {
  const folder = mkdtempSync(join(tmpdir(), 'ttrpc-bench-'));
  const socket = join(folder, 's');
  const here = process.cwd();

  beforeAll(async () => {
    // As the runner does, since the definition is found by its bare name.
    process.chdir(import.meta.dirname);
    await engine.serve(socket);
  });

  afterAll(() => {
    process.chdir(here);
    rmSync(folder, { recursive: true, force: true });
  });

  it('keeps calls in flight until the time is over', async () => {
    const clients = [await enginePromises.connect(socket), await enginePromises.connect(socket)];
    const job = { call: 'echo', inFlight: 16, connections: 2, count: 1, size: 0 } as const;
    const sample = await drive(clients, { ...job, milliseconds: 100 });
    expect(sample.done).toBeGreaterThan(16);
    expect(sample.seconds).toBeGreaterThanOrEqual(0.09);
    expect(sample.p99).toBeGreaterThanOrEqual(sample.p50);
  });

  it.each(['pour', 'drip', 'gather', 'ferry'] as const)('counts what %s moves', async (call) => {
    const job = { call, inFlight: 1, connections: 1, count: 50, size: 16, milliseconds: 20 };
    const sample = await drive([await engine.connect(socket)], job);
    expect(sample.done).toBeGreaterThan(0);
    expect(sample.done % 50).toBe(0);
  });
});

describe('the peers', () => {
  it('echo as many raw bytes as a request of ttrpc has', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'ttrpc-bench-'));
    const here = process.cwd();
    process.chdir(import.meta.dirname);
    const listener = createServer().listen(join(folder, 's'));
    try {
      await once(listener, 'listening');
      const accepted = once(listener, 'connection') as Promise<[Socket]>;
      const client = await engine.connect(join(folder, 's'));
      const [socket] = await accepted;
      client.echo(() => undefined)();
      const [request] = (await once(socket, 'data')) as [Buffer];
      expect(request).toHaveLength(FRAME);
      socket.destroy();
    } finally {
      listener.close();
      process.chdir(here);
      rmSync(folder, { recursive: true, force: true });
    }
  });

  it('give each call what Nest is said to send with it', () => {
    const seen: Record<string, unknown> = {};
    const method =
      (name: string) =>
      (_: unknown, ...rest: unknown[]) => {
        seen[name] = rest;
        return NEVER;
      };
    const calls = ['echo', 'lift', 'pour', 'drip', 'gather', 'ferry'] as const;
    const service = Object.fromEntries(calls.map((call) => [call, method(call)]));
    const client = observableClient(service as unknown as BenchService, NOTE, { rest: ['all'] });
    client.echo(() => undefined)();
    for (const call of calls.slice(1) as Exclude<(typeof calls)[number], 'echo'>[]) {
      client[call]?.({ count: 1, size: 1 }, () => undefined)();
    }
    expect(seen).toEqual(Object.fromEntries(calls.map((call) => [call, ['all']])));
  });
});

describe('statistics', () => {
  it('takes the middle of what is sorted', () => {
    expect(spread([5, 1, 3])).toEqual({ median: 3, min: 1, max: 5 });
    expect(quantile([1, 2, 3, 4], 0.5)).toBe(2.5);
    expect(quantile([7], 0.99)).toBe(7);
    expect(() => spread([])).toThrow(RangeError);
  });

  it('forms ratios inside a round', () => {
    // The machine was twice as slow in round two: the ratio does not notice.
    expect(ratio([100, 50], [50, 25])).toEqual({ median: 2, min: 2, max: 2 });
  });
});

describe('report', () => {
  const work = worksOf(false)[1]!;
  const measured = {
    work,
    results: [result('nest', [200, 100]), result('go', [100, 50]), result('raw', [])],
  };

  it('shows each subject, each comparison, and what failed', () => {
    const text = report(measured);
    expect(text).toContain('## unary, 64 in flight');
    expect(text).toMatch(
      /\| Go ttrpc 1\.2\.8 +\| +75 \(50–100\) \|( +[\d.]+ \([\d.]+–[\d.]+\) \|){4}/,
    );
    expect(text).toMatch(/\| nest : go +\| +2 \(2–2\) \|/);
    expect(text).not.toContain('nest : raw');
    expect(text).toContain('raw net, echo of a frame: failed: no luck');
  });

  it('gives ratios as data', () => {
    expect(ratios(measured)).toMatchObject([
      {
        work: 'unary',
        inFlight: 64,
        subject: 'nest',
        peer: 'go',
        ratio: { median: 2, min: 2, max: 2 },
        subjectPerSecond: 150,
        peerPerSecond: 75,
      },
    ]);
  });

  it('writes rows that are all alike, whatever studies found', () => {
    const twice = { median: 2, min: 2, max: 2 };
    const names = { work: 'start', subject: 'nest', peer: 'go', unit: 'ms' };
    const check = { ...names, atMost: 3, ratio: twice };
    const checks = [{ ...check, subjectValue: 2, peerValue: 1 }];
    const json = toJson([measured], [{ text: '', checks, figures: [] }], []);
    const { rows, ...others } = JSON.parse(json) as Record<string, object[]>;
    expect(rows).toEqual([
      expect.objectContaining({
        work: 'unary',
        inFlight: 64,
        subject: 'nest',
        peer: 'go',
        ratio: twice,
        subjectPerSecond: 150,
        peerPerSecond: 75,
      }),
    ]);
    expect(others).toMatchObject({ checks, subjects: measured.results.map(() => ({})) });
  });

  it('draws a bar for each subject that was measured, once', () => {
    const unpinned = { ...measured, work: { ...work, pinned: false } };
    const bars = plot([measured, unpinned]).match(/fill="#4477aa"/g);
    expect(bars).toHaveLength(2);
  });

  it('rounds to three digits and aligns columns', () => {
    expect([0.12345, 12.345, 1234.5, NaN].map(number)).toEqual(['0.123', '12.3', '1,235', '-']);
    expect(table(['a', 'b'], [['long', '1']])).toBe('| a    | b |\n| ---- | : |\n| long | 1 |\n');
  });
});

describe('targets', () => {
  it('are of works and subjects that there are', () => {
    const works = worksOf(false).map(({ name, inFlight }) => `${name}:${inFlight}`);
    const names = SUBJECTS.map(({ name }) => name);
    expect(works).toEqual(expect.arrayContaining(TARGETS.map(({ work }) => work)));
    expect(names).toEqual(
      expect.arrayContaining(TARGETS.flatMap(({ subject, peer }) => [subject, peer])),
    );
  });

  it('are met by what reaches them, and missed by what does not', () => {
    const work = worksOf(false)[1]!;
    const fast = { work, results: [result('nest', [130, 260]), result('go', [100, 200])] };
    const slow = { work, results: [result('nest', [120, 240]), result('go', [100, 200])] };
    const find = (measured: Measured) =>
      judge([measured], []).find(({ figure }) => figure === 'per second');
    expect(find(fast)).toMatchObject({ limit: 1.3, met: true, measured: { median: 1.3 } });
    expect(find(slow)).toMatchObject({ limit: 1.3, met: false });
    expect(targetsTable(judge([slow], []))).toMatch(/nest : go .* ≥ 1\.3 .* missed/);
  });

  it('are missed by whoever failed', () => {
    const work = worksOf(false)[1]!;
    const failed = { work, results: [result('nest', []), result('go', [100, 200])] };
    const verdicts = judge([failed], []);
    expect(verdicts.map(({ met }) => met)).toEqual(verdicts.map(() => false));
    expect(targetsTable(verdicts)).toMatch(/nest : go .* ≥ 1\.3 .* missed/);
  });
});

describe('the tables', () => {
  it('have every number in flight unpinned too', () => {
    const flights = (name: string): number[] =>
      worksOf(false).flatMap((work) => (work.name === name ? work.inFlight : []));
    expect(flights('unary')).toEqual([1, 64, 512]);
    expect(flights('unary-unpinned')).toEqual([1, 64, 512]);
  });

  it('compare subjects that there are', () => {
    const names = [...SUBJECTS, ...baseSubjects('main')].map(({ name }) => name);
    expect(names).toEqual(expect.arrayContaining(COMPARISONS.flat()));
    expect(new Set(names).size).toBe(names.length);
  });

  it('give no stream to whoever has none', () => {
    const tcp = SUBJECTS.find(({ name }) => name === 'nest-tcp')!;
    const works = worksOf(true).filter((work) => takesPart(tcp, work));
    expect(works.map(({ job }) => job.call)).toEqual(['echo', 'echo', 'echo', 'echo']);
  });
});

describe('readOptions', () => {
  it('has shorter slices for a quick run, and says what is wrong', () => {
    expect(readOptions([])).toMatchObject({ rounds: 5, slice: 2000, works: [] });
    expect(readOptions(['--quick', '--work', 'unary:64,stream-16B'])).toMatchObject({
      rounds: 3,
      works: ['unary:64', 'stream-16B'],
    });
    expect(() => readOptions(['--rounds', '0'])).toThrow('--rounds');
    expect(readOptions(['--help'])).toBeUndefined();
  });
});

describe('parseList', () => {
  it('reads cores as the kernel writes them', () => {
    expect(parseList('0-2,5')).toEqual([0, 1, 2, 5]);
    expect(parseList('')).toEqual([]);
  });
});

function result(name: string, perSecond: readonly number[]): Result {
  const subject = SUBJECTS.find((each) => each.name === name)!;
  const rounds = perSecond.map((rate): Round => ({
    perSecond: rate,
    p50: 1,
    p99: 2,
    serverCpu: 0.1,
    clientCpu: 0.1,
  }));
  const failure = rounds.length === 0 ? 'no luck' : undefined;
  return { subject, rounds, serverPeak: 1e6, clientPeak: 1e6, failure };
}
