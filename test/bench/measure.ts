import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { Child } from './child.js';
import type { Options } from './options.js';
import type { Cores } from './pinning.js';
import { commandOf } from './programs.js';
import type { Subject } from './subjects.js';
import type { Work } from './works.js';

/** One slice of one subject. */
export interface Round {
  readonly perSecond: number;
  /** In microseconds. */
  readonly p50: number;
  readonly p99: number;
  /** CPU seconds of each side per 100,000 calls or messages. */
  readonly serverCpu: number;
  readonly clientCpu: number;
}

/** What a subject did at a work. */
export interface Result {
  readonly subject: Subject;
  readonly rounds: readonly Round[];
  /** In bytes, from the process's start to the last round's end. */
  readonly serverPeak: number;
  readonly clientPeak: number;
  /** Why there is nothing, or less than was wanted. */
  readonly failure: string | undefined;
}

/** Before each slice the subject runs for so long without being measured, in milliseconds. */
const LEAD_IN_MS = 100;
const CPU_PER = 100_000;

/**
 * Measures subjects at one work: all are started, then each round gives every one a slice, in an
 * order that is rotated from round to round.
 */
export async function measure(
  work: Work,
  subjects: readonly Subject[],
  setup: { readonly options: Options; readonly cores: Cores; say(text: string): void },
): Promise<Result[]> {
  const { options, cores, say } = setup;
  const folder = mkdtempSync(join(tmpdir(), 'ttrpc-bench-'));
  const runs = subjects.map((subject) => new Run(subject, work, join(folder, subject.name)));
  try {
    for (const run of runs) {
      await run.start(work.pinned ? cores : undefined, options.warmUp);
    }
    for (let round = 0; round < options.rounds; round++) {
      const turn = round % runs.length;
      for (const run of [...runs.slice(turn), ...runs.slice(0, turn)])
        await run.slice(options.slice);
      const figures = runs.map((run) => `${run.subject.name} ${run.latest}`).join('  ');
      say(`${work.title}, round ${round + 1} of ${options.rounds}: ${figures}`);
    }
  } finally {
    await Promise.all(runs.map((run) => run.stop()));
    rmSync(folder, { recursive: true, force: true });
  }
  return runs.map((run) => run.result);
}

/** A subject at a work: its two processes, and what they have said so far. */
class Run {
  readonly subject: Subject;
  readonly #work: Work;
  readonly #socket: string;
  readonly #rounds: Round[] = [];
  #server: Child | undefined;
  #client: Child | undefined;
  #peaks: readonly [server: number, client: number] = [NaN, NaN];
  #failure: string | undefined;

  constructor(subject: Subject, work: Work, socket: string) {
    this.subject = subject;
    this.#work = work;
    this.#socket = socket;
  }

  get latest(): string {
    const round = this.#rounds.at(-1);
    if (round === undefined || this.#failure !== undefined) return 'failed';
    return Math.round(round.perSecond).toLocaleString('en');
  }

  get result(): Result {
    const [serverPeak, clientPeak] = this.#peaks;
    const { subject } = this;
    return { subject, rounds: this.#rounds, serverPeak, clientPeak, failure: this.#failure };
  }

  async start(cores: Cores, warmUp: number): Promise<void> {
    await this.#unlessFailed(async () => {
      const { server, client } = this.subject;
      this.#server = await Child.start(commandOf('serve', server, this.#socket, cores));
      this.#client = await Child.start(commandOf('drive', client, this.#socket, cores));
      await this.#client.drive({ ...this.#work.job, milliseconds: warmUp });
    });
  }

  async slice(milliseconds: number): Promise<void> {
    await this.#unlessFailed(async () => {
      const { job, ways } = this.#work;
      const client = this.#client as Child;
      const server = this.#server as Child;
      await client.drive({ ...job, milliseconds: LEAD_IN_MS });
      const before = [await server.usage(), await client.usage()] as const;
      const { done: sent, seconds, p50, p99 } = await client.drive({ ...job, milliseconds });
      const done = sent * ways;
      const after = [await server.usage(), await client.usage()] as const;
      const cpu = (side: 0 | 1): number =>
        ((after[side].cpuSeconds - before[side].cpuSeconds) * CPU_PER) / done;
      const perSecond = done / seconds;
      this.#rounds.push({ perSecond, p50, p99, serverCpu: cpu(0), clientCpu: cpu(1) });
      this.#peaks = [after[0].peakBytes, after[1].peakBytes];
    });
  }

  async stop(): Promise<void> {
    await this.#client?.stop();
    await this.#server?.stop();
  }

  async #unlessFailed(step: () => Promise<void>): Promise<void> {
    if (this.#failure !== undefined) return;
    try {
      await step();
    } catch (error) {
      this.#failure = (error as Error).message;
    }
  }
}
