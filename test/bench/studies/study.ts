import type { Options } from '../options.js';
import type { Cores } from '../pinning.js';
import type { Spread } from '../statistics.js';
import { number, table } from '../report.js';

/** A measurement whose result is not calls a second beside a peer's. */
export interface Study {
  /** As on the command line. */
  readonly name: string;
  run(setup: Setup): Promise<Outcome>;
}

export interface Setup {
  readonly options: Options;
  readonly cores: Cores;
  /** Whether there is a Go peer. */
  readonly go: boolean;
  say(text: string): void;
}

export interface Outcome {
  /** Tables, in Markdown. */
  readonly text: string;
  readonly checks: readonly Check[];
  readonly figures: readonly Figure[];
}

/** A value of a subject beside a peer's, or beside its own earlier or smaller one. */
export interface Check {
  readonly work: string;
  readonly subject: string;
  readonly peer: string;
  readonly ratio: Spread;
  readonly unit: string;
  readonly subjectValue: number;
  readonly peerValue: number;
  /** What the ratio, or where `by` says so the difference, may be; Infinity if it is only shown. */
  readonly atMost: number;
  readonly by?: 'difference';
}

export interface Figure {
  readonly work: string;
  readonly subject: string;
  /** Size of the work, or how far it is, where there are several. */
  readonly at: number;
  readonly unit: string;
  readonly value: number;
}

function verdict(check: Check): string {
  if (check.atMost === Infinity) return '';
  return holds(check) ? 'met' : 'missed';
}

export function holds({ ratio, subjectValue, peerValue, atMost, by }: Check): boolean {
  return (by === 'difference' ? subjectValue - peerValue : ratio.median) <= atMost;
}

/** One line for each check, with its verdict. */
export function verdicts(checks: readonly Check[]): string {
  const head = ['check', 'unit', 'value', 'beside', 'ratio', 'at most', 'verdict'];
  return table(
    head,
    checks.map((check) => [
      `${check.work}, ${check.subject} : ${check.peer}`,
      check.unit,
      number(check.subjectValue),
      number(check.peerValue),
      number(check.ratio.median),
      check.by === 'difference' ? `+${number(check.atMost)}` : number(check.atMost),
      verdict(check),
    ]),
  );
}

/** A ratio of two values that were measured once. */
export function once(above: number, below: number): Spread {
  const median = above / below;
  return { median, min: median, max: median };
}
