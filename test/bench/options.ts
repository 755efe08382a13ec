import { parseArgs } from 'node:util';

export interface Options {
  /** Only the micro-benchmarks. */
  readonly micro: boolean;
  readonly quick: boolean;
  readonly rounds: number;
  /** Of a slice, and of the lead-in before the first, in milliseconds. */
  readonly slice: number;
  readonly warmUp: number;
  /** Names, as in works.ts (`unary:64`, or `unary` for all), studies/ and subjects.ts; empty for all. */
  readonly works: readonly string[];
  readonly subjects: readonly string[];
  readonly base: string | undefined;
  readonly json: string | undefined;
  readonly svg: string | undefined;
}

export const HELP = `npm run bench -- [options]

  --quick           the main subjects, in short slices: in under a minute, and noisier
  --rounds N        rounds (5; quick 3)
  --slice MS        length of a slice (2000; quick 200)
  --work NAMES      only these works, with commas: unary:64,stream-16B; stalled, memory, start,
                    growth and curves are no part of a quick run but when named here, and shorter then
  --subject NAMES   only these subjects, with commas: nest,go
  --base REVISION   also lib as it was at a git revision, beside lib as it is
  --micro           only the hot pieces of a call, beside plainer ways to do the same
  --json FILE       write the ratios (rows), the rounds and what the studies found there
  --svg FILE        draw a plot there
`;

/** @returns undefined when only help was asked for */
export function readOptions(args: readonly string[]): Options | undefined {
  const { values } = parseArgs({
    args: [...args],
    options: {
      micro: { type: 'boolean', default: false },
      quick: { type: 'boolean', default: false },
      rounds: { type: 'string' },
      slice: { type: 'string' },
      work: { type: 'string', default: '' },
      subject: { type: 'string', default: '' },
      base: { type: 'string' },
      json: { type: 'string' },
      svg: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return undefined;
  const { micro, quick, base, json, svg } = values;
  return {
    micro,
    quick,
    rounds: count('--rounds', values.rounds ?? (quick ? '3' : '5')),
    slice: count('--slice', values.slice ?? (quick ? '200' : '2000')),
    warmUp: quick ? 200 : 2000,
    works: names(values.work),
    subjects: names(values.subject),
    base,
    json,
    svg,
  };
}

function count(option: string, text: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value > 0) return value;
  throw new RangeError(`${option} must be a whole number above 0, got ${text}`);
}

function names(text: string): string[] {
  return text.split(',').filter((name) => name !== '');
}
