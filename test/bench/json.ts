import { ratios, type Measured } from './ratios.js';
import type { Outcome } from './studies/study.js';
import type { Verdict } from './targets.js';

/**
 * What `--json` writes. `rows` are the ratios of calls or messages a second and nothing else, so
 * that each has the same fields; what studies found are `checks` and `figures`.
 */
export function toJson(
  all: readonly Measured[],
  outcomes: readonly Outcome[],
  targets: readonly Verdict[],
): string {
  const subjects = all.flatMap(({ work, results }) =>
    results.map(({ subject, ...result }) => ({
      work: work.name,
      inFlight: work.inFlight,
      subject: subject.name,
      ...result,
    })),
  );
  const rows = all.flatMap(ratios);
  const checks = outcomes.flatMap((outcome) => outcome.checks);
  const figures = outcomes.flatMap((outcome) => outcome.figures);
  return `${JSON.stringify({ rows, targets, subjects, checks, figures }, null, 2)}\n`;
}
