import type { Verdict } from './check.js';

/** A line for each rule, what deviates told below it, and a sum. */
export function report(verdicts: readonly Verdict[]): string {
  const lines = verdicts.map(({ role, id, text, deviation }) =>
    deviation === undefined
      ? `ok    ${role} ${id}`
      : `FAIL  ${role} ${id}\n        ${text}\n        expected  ${deviation.expected}\n        got       ${deviation.got}`,
  );
  const failed = verdicts.filter(({ deviation }) => deviation !== undefined).length;
  return [...lines, '', `${verdicts.length - failed} kept, ${failed} not`].join('\n');
}

/** What one peer did of a rule. */
export interface PeerVerdicts {
  readonly peer: string;
  readonly verdicts: readonly Verdict[];
}

/** A rule that a peer does not keep, and what was got instead. */
export interface Difference {
  readonly role: string;
  readonly id: string;
  readonly expected: string;
  readonly got: string;
  readonly peer: string;
  /** It comes in some runs only: a race within the peer. */
  readonly atTimes?: boolean;
}

/** Behind the name of a peer, in the table. */
const AT_TIMES = ' at times';

export function differencesOf(peers: readonly PeerVerdicts[]): Difference[] {
  return peers.flatMap(({ peer, verdicts }) =>
    verdicts.flatMap(({ role, id, deviation }) =>
      deviation === undefined ? [] : [{ role, id, ...deviation, peer }],
    ),
  );
}

/** Rows of a Markdown table; peers that deviate in the same way share one. */
export function tableOf(differences: readonly Difference[]): string[] {
  const rows = new Map<string, string[]>();
  for (const { role, id, expected, got, peer, atTimes } of differences) {
    const row = `| ${role} | ${id} | \`${expected}\` | \`${got}\` |`;
    const name = atTimes === true ? `${peer}${AT_TIMES}` : peer;
    rows.set(row, [...(rows.get(row) ?? []), name]);
  }
  return [...rows].map(([row, names]) => `${row} ${names.join(', ')} |`).toSorted();
}

/** Reads what {@link tableOf} wrote; what else the document says is passed over. */
export function readTable(document: string): Difference[] {
  const row = /^\| (server|client) +\| (\S+) +\| `(.*?)` +\| `(.*?)` +\| (.*?) +\|$/gmu;
  return [...document.matchAll(row)].flatMap(([, role, id, expected, got, names]) =>
    (names as string).split(', ').map((name) => {
      const atTimes = name.endsWith(AT_TIMES);
      const peer = atTimes ? name.slice(0, -AT_TIMES.length) : name;
      return { role, id, expected, got, peer, atTimes } as Difference;
    }),
  );
}
