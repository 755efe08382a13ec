import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import type { Child } from '../child.js';
import type { Progress } from '../host.js';
import type { JobOrder } from '../jobs/all.js';
import type { Programs } from '../programs.js';
import { Watchdog } from '../watchdog.js';

/** What a study is told. */
export interface Setup {
  readonly programs: Programs;
  readonly seed: number;
  /** Of those studies that end by the clock. */
  readonly minutes: number;
  /** Share of the full numbers of calls, streams and connections. */
  readonly scale: number;
  /** Whether Go's peer can be started. */
  readonly go: boolean;
  /** Tells how far it is. */
  say(line: string): void;
}

export interface Study {
  readonly name: string;
  /**
   * @returns the report
   * @throws Error when what must hold does not
   */
  run(setup: Setup): Promise<string>;
}

/** How often a job is looked in on, in milliseconds. */
const LOOK_MS = 500;

/**
 * Does a job to its end.
 *
 * @param watched - the processes that it needs
 * @param onLook - hears of calls that have ended
 * @throws Error when no call ends any more
 */
export async function work<Result>(
  client: Child,
  order: JobOrder,
  watched: readonly Child[],
  onLook: (done: number) => void = () => undefined,
): Promise<Result> {
  const watchdog = new Watchdog(watched.map(({ pid }) => pid));
  let progress = await client.ask<Progress>({ do: 'start', ...order });
  while (!progress.over) {
    await sleep(LOOK_MS);
    await Promise.all(watched.map((child) => child.check()));
    watchdog.look(progress.done);
    progress = await client.ask<Progress>({ do: 'progress' });
    onLook(progress.done);
  }
  return progress.result as Result;
}

/** Runs something with a folder that is gone afterwards, and ends the processes that are left. */
export async function withFolder<T>(
  run: (path: (name: string) => string, keep: (child: Child) => Child) => Promise<T>,
): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'ttrpc-load-'));
  const children: Child[] = [];
  const keep = (child: Child): Child => {
    children.push(child);
    return child;
  };
  try {
    return await run((name) => join(folder, name), keep);
  } finally {
    await Promise.all(children.map((child) => child.kill()));
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Rows under heads, in columns. */
export function table(
  heads: readonly string[],
  rows: readonly (readonly (number | string)[])[],
): string {
  const texts = rows.map((row) =>
    row.map((cell) => (typeof cell === 'number' ? number(cell) : cell)),
  );
  const widths = heads.map((head, column) =>
    Math.max(head.length, ...texts.map((row) => row[column]?.length ?? 0)),
  );
  const line = (cells: readonly string[], pad: string): string =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0, pad)).join(' | ')} |`;
  return [
    line(heads, ' '),
    line(
      heads.map(() => ''),
      '-',
    ),
    ...texts.map((row) => line(row, ' ')),
  ].join('\n');
}

export function number(value: number): string {
  const digits = Number.isInteger(value) ? 0 : Math.abs(value) < 10 ? 2 : 1;
  return value.toLocaleString('en', {
    maximumFractionDigits: digits,
    minimumFractionDigits: digits,
  });
}
