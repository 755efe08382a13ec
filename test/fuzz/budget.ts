import type fc from 'fast-check';

/** Set by `npm run fuzz`: what to repeat, and for how many milliseconds each property is tried. */
const seed = process.env['FUZZ_SEED'];
const milliseconds = process.env['FUZZ_MILLISECONDS'];

/** How often `npm test` tries a property; a number of runs and no time, so that a slow machine tests as much. */
const RUNS = 300;

/** How long or how often a property is tried; a failure tells the seed that repeats it. */
export const budget: fc.Parameters<unknown> = {
  ...(seed === undefined ? {} : { seed: Number(seed) }),
  ...(milliseconds === undefined
    ? { numRuns: RUNS }
    : { numRuns: Infinity, interruptAfterTimeLimit: Number(milliseconds) }),
};

/** For vitest: the time that a property may take at most. */
export const timeout = milliseconds === undefined ? 30_000 : Number(milliseconds) + 60_000;
