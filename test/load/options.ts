import { parseArgs } from 'node:util';

export interface Options {
  /** Names; empty for all. */
  readonly studies: readonly string[];
  readonly minutes: number;
  readonly seed: number;
  readonly scale: number;
}

export const HELP = `npm run load -- [options]

  --study NAMES   only these, with commas: chaos, leaks, deadlock, stall, idle
  --minutes N     how long chaos lasts (5)
  --seed S        of its schedule and calls; printed, a random one if not given
  --scale N       share of the calls, streams and connections of the others (1)
`;

/** @returns undefined when only help was asked for */
export function readOptions(args: readonly string[]): Options | undefined {
  const { values } = parseArgs({
    args: [...args],
    options: {
      study: { type: 'string', default: '' },
      minutes: { type: 'string', default: '5' },
      seed: { type: 'string', default: String(Math.floor(Math.random() * 2 ** 31)) },
      scale: { type: 'string', default: '1' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return undefined;
  const seed = Number(values.seed);
  if (!Number.isInteger(seed))
    throw new RangeError(`--seed must be an integer, got ${values.seed}`);
  return {
    studies: values.study.split(',').filter((name) => name !== ''),
    minutes: positive('--minutes', values.minutes),
    seed,
    scale: positive('--scale', values.scale),
  };
}

function positive(option: string, text: string): number {
  const value = Number(text);
  if (value > 0) return value;
  throw new RangeError(`${option} must be a number above 0, got ${text}`);
}
