import type { Result, Round } from './measure.js';
import { ratio, spread, type Spread } from './statistics.js';
import { COMPARISONS } from './subjects.js';
import type { Work } from './works.js';

/** What was measured at a work. */
export interface Measured {
  readonly work: Work;
  readonly results: readonly Result[];
}

/** A subject beside a peer, at one work. */
export interface Ratio {
  readonly work: string;
  readonly inFlight: number;
  readonly subject: string;
  readonly peer: string;
  /** Of calls, or messages, a second. */
  readonly ratio: Spread;
  readonly subjectPerSecond: number;
  readonly peerPerSecond: number;
  readonly p50Ratio: Spread;
  readonly p99Ratio: Spread;
  /** Of the CPU seconds a call, both sides together. */
  readonly cpuRatio: Spread;
}

/** Every comparison for which both sides have a round. */
export function ratios({ work, results }: Measured): Ratio[] {
  const roundsOf = (name: string): readonly Round[] =>
    results.find(({ subject }) => subject.name === name)?.rounds ?? [];
  return COMPARISONS.flatMap(([subject, peer]) => {
    const [above, below] = [roundsOf(subject), roundsOf(peer)];
    if (above.length === 0 || below.length === 0) return [];
    const of = (figure: (round: Round) => number): Spread =>
      ratio(above.map(figure), below.map(figure));
    const perSecond = (round: Round): number => round.perSecond;
    return {
      work: work.name,
      inFlight: work.inFlight,
      subject,
      peer,
      ratio: of(perSecond),
      subjectPerSecond: spread(above.map(perSecond)).median,
      peerPerSecond: spread(below.map(perSecond)).median,
      p50Ratio: of((round) => round.p50),
      p99Ratio: of((round) => round.p99),
      cpuRatio: of((round) => round.serverCpu + round.clientCpu),
    };
  });
}
