import type { Round } from './measure.js';
import type { Measured } from './ratios.js';
import { number, table } from './report.js';
import { ratio, type Spread } from './statistics.js';
import { holds, type Check } from './studies/study.js';

const FIGURES = {
  'per second': (round: Round) => round.perSecond,
  p50: (round: Round) => round.p50,
  p99: (round: Round) => round.p99,
  'CPU, both sides': (round: Round) => round.serverCpu + round.clientCpu,
  'CPU, server': (round: Round) => round.serverCpu,
} as const;

/** What a subject's ratio to a peer must be. */
export interface Target {
  /** With how many in flight, as on the command line. */
  readonly work: string;
  readonly figure: keyof typeof FIGURES;
  readonly subject: string;
  readonly peer: string;
  /** The peer's work, if it is another. */
  readonly against?: string;
  readonly at: 'least' | 'most';
  readonly limit: number;
}

/** A target beside what was measured. */
export interface Verdict {
  readonly work: string;
  readonly figure: string;
  readonly subject: string;
  readonly peer: string;
  readonly at: 'least' | 'most';
  readonly limit: number;
  /** A ratio; of a difference its value, in `figure`'s unit. */
  readonly measured: Spread;
  readonly met: boolean;
}

/** No ratio: one of both has no round. */
const NOTHING: Spread = { median: NaN, min: NaN, max: NaN };

type Names = readonly [subject: string, peer: string];

const perSecond = (names: Names, limits: Readonly<Record<string, number>>): Target[] =>
  Object.entries(limits).map(([work, limit]) => least(work, names, limit));

/** What the project promises itself. */
export const TARGETS: readonly Target[] = [
  ...perSecond(['nest', 'nest-grpc'], { 'unary:1': 5, 'unary:64': 30, 'unary:512': 55 }),
  ...perSecond(['nest', 'go'], { 'unary:1': 1, 'unary:64': 1.3, 'unary:512': 1.9 }),
  most('unary:1', ['nest', 'raw'], 1.2, 'p50'),
  ...perSecond(['engine', 'grpc-js'], { 'unary:1': 5, 'unary:64': 46, 'unary:512': 90 }),
  ...perSecond(['engine', 'go'], { 'unary:1': 1.05, 'unary:64': 2.4, 'unary:512': 4.3 }),
  ...perSecond(['engine', 'raw'], { 'unary:1': 0.92, 'unary:64': 0.52, 'unary:512': 0.22 }),
  ...['nest', 'engine'].flatMap((subject) => [
    most('unary:64', [subject, 'go'], 1, 'CPU, both sides'),
    most('unary:512', [subject, 'go'], 1, 'CPU, both sides'),
    most('unary:64', [subject, 'go'], 2, 'p99'),
    least('unary-4MiB:1', [subject, 'raw'], 0.5),
    most('paced-16B:1', [subject, 'go'], 0.25, 'CPU, server'),
    ...['client-stream-16B:1', 'bidi-16B:1'].map((work): Target => {
      return { ...least(work, [subject, subject], 2 / 3), against: 'stream-16B:1' };
    }),
  ]),
  // A call costs at most 1.3 times the other way's, where it makes as few of them in a second.
  least('unary:64', ['engine-promises', 'engine'], 1 / 1.3),
  least('unary:64', ['nest', 'nest-promises'], 1 / 1.3),
  least('unary-64-connections:64', ['nest', 'nest-grpc'], 15),
  least('unary-64-connections:64', ['nest', 'go'], 1),
  least('stream-16B:1', ['nest', 'grpc-js'], 15),
  least('stream-16B:1', ['nest', 'go'], 7),
  least('stream-64KiB:1', ['engine', 'go'], 1),
  least('stream-64KiB:1', ['nest', 'nest-grpc'], 6),
];

function least(work: string, [subject, peer]: Names, limit: number): Target {
  return { work, figure: 'per second', subject, peer, at: 'least', limit };
}

function most(work: string, names: Names, limit: number, figure: Target['figure']): Target {
  return { ...least(work, names, limit), at: 'most', figure };
}

/**
 * Every target of which both sides took part; then the checks of studies that have a limit. One that
 * failed has missed its targets: nothing that could not be measured is left out in silence.
 */
export function judge(all: readonly Measured[], checks: readonly Check[]): Verdict[] {
  const roundsOf = (wanted: string, name: string): readonly Round[] | undefined =>
    all
      .find(({ work }) => `${work.name}:${work.inFlight}` === wanted)
      ?.results.find(({ subject }) => subject.name === name)?.rounds;
  const works = TARGETS.flatMap(({ against, ...target }): Verdict[] => {
    const { work, figure, subject, peer, at, limit } = target;
    const above = roundsOf(work, subject)?.map(FIGURES[figure]);
    const below = roundsOf(against ?? work, peer)?.map(FIGURES[figure]);
    if (above === undefined || below === undefined) return [];
    const measured = above.length * below.length === 0 ? NOTHING : ratio(above, below);
    const met = at === 'least' ? measured.median >= limit : measured.median <= limit;
    const beside = against === undefined ? peer : `${peer} at ${against}`;
    return [{ ...target, peer: beside, measured, met }];
  });
  return [...works, ...checks.filter(({ atMost }) => atMost !== Infinity).map(verdictOf)];
}

function verdictOf(check: Check): Verdict {
  const { work, subject, peer, unit, atMost, by, subjectValue, peerValue } = check;
  const difference = subjectValue - peerValue;
  const spread = { median: difference, min: difference, max: difference };
  const measured = by === 'difference' ? spread : check.ratio;
  const figure = by === 'difference' ? `${unit} more` : unit;
  return { work, figure, subject, peer, at: 'most', limit: atMost, measured, met: holds(check) };
}

/** One table of all targets. */
export function targetsTable(verdicts: readonly Verdict[]): string {
  const rows = verdicts.map(({ work, figure, subject, peer, at, limit, measured, met }) => [
    work,
    figure,
    `${subject} : ${peer}`,
    `${at === 'least' ? '≥' : '≤'} ${number(limit)}`,
    `${number(measured.median)} [${number(measured.min)}–${number(measured.max)}]`,
    met ? 'met' : 'missed',
  ]);
  const head = ['target: work', 'figure', 'ratio', 'target', 'measured', 'verdict'];
  return `## targets\n\n${table(head, rows)}`;
}
