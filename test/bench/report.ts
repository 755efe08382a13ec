import type { Result, Round } from './measure.js';
import { ratios, type Measured, type Ratio } from './ratios.js';
import { spread, type Spread } from './statistics.js';

/** The tables of one work, in Markdown. */
export function report(measured: Measured): string {
  const { work, results } = measured;
  const done = results.filter(({ rounds }) => rounds.length > 0);
  const compared = ratios(measured);
  const failures = results.flatMap(({ subject, failure }) =>
    failure === undefined ? [] : `${subject.title}: failed: ${failure}\n`,
  );
  const parts = [
    `## ${work.title}\n`,
    table(
      [
        work.unit,
        `${work.unit}/s`,
        'p50 µs',
        'p99 µs',
        'CPU s per 100,000: server',
        'client',
        'peak MB: server',
        'client',
      ],
      done.map((result) => figuresOf(result)),
    ),
    ...(compared.length === 0 ? [] : [table(RATIO_HEAD, compared.map(ratioRow))]),
    ...failures,
  ];
  return parts.join('\n');
}

const RATIO_HEAD = ['ratio', 'per second', 'p50', 'p99', 'CPU, both sides'];

function figuresOf({ subject, rounds, serverPeak, clientPeak }: Result): string[] {
  const of = (figure: (round: Round) => number): Spread => spread(rounds.map(figure));
  return [
    subject.title,
    wide(of((round) => round.perSecond)),
    wide(of((round) => round.p50)),
    wide(of((round) => round.p99)),
    wide(of((round) => round.serverCpu)),
    wide(of((round) => round.clientCpu)),
    number(serverPeak / 1e6),
    number(clientPeak / 1e6),
  ];
}

function ratioRow({ subject, peer, ratio, p50Ratio, p99Ratio, cpuRatio }: Ratio): string[] {
  return [`${subject} : ${peer}`, ...[ratio, p50Ratio, p99Ratio, cpuRatio].map(wide)];
}

/** A median with what it lies between. */
function wide({ median, min, max }: Spread): string {
  return `${number(median)} (${number(min)}–${number(max)})`;
}

/** Three digits, or all before the point. */
export function number(value: number): string {
  if (!Number.isFinite(value)) return '-';
  if (Math.abs(value) >= 100) return Math.round(value).toLocaleString('en');
  return String(Number(value.toPrecision(3)));
}

/** A Markdown table whose columns are as wide as their widest cell. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = [head, ...rows];
  const widths = head.map((_, column) => Math.max(...all.map((row) => (row[column] ?? '').length)));
  const line = (row: readonly string[]): string => {
    const cells = widths.map((width, column) => {
      const cell = row[column] ?? '';
      return column === 0 ? cell.padEnd(width) : cell.padStart(width);
    });
    return `| ${cells.join(' | ')} |\n`;
  };
  const rule = widths.map(
    (width, column) => '-'.repeat(width - (column === 0 ? 0 : 1)) + (column === 0 ? '' : ':'),
  );
  return [head, rule, ...rows].map(line).join('');
}
