// Tries the properties of this folder, and the models, for long:  npm run fuzz -- [--minutes 10] [--seed 42]
// The minutes are shared by the properties. What failed is repeated by its seed.
import { spawnSync } from 'node:child_process';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';

/** Where properties are that take `budget.ts`. */
const PLACES = [
  'test/fuzz',
  'test/protocol/connection.model.spec.ts',
  'test/rpc/calls.model.spec.ts',
];
/** Of how many properties the time is shared. */
const PROPERTIES = 9;

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '10' },
    seed: { type: 'string', default: String(Math.floor(Math.random() * 2 ** 31)) },
  },
});
const [minutes, seed] = [Number(values.minutes), Number(values.seed)];
if (!(minutes > 0)) throw new Error(`--minutes ${values.minutes} is not above 0`);
if (!Number.isInteger(seed)) throw new Error(`--seed ${values.seed} is no integer`);
console.log(`fuzzing for ${minutes} minutes, seed ${seed}`);

const root = resolve(import.meta.dirname, '../..');
const vitest = join(root, 'node_modules/vitest/vitest.mjs');
// One file after the other: the time is each property's own.
const { status } = spawnSync(
  process.execPath,
  [vitest, 'run', ...PLACES, '--no-file-parallelism'],
  {
    cwd: root,
    stdio: 'inherit',
    env: {
      ...process.env,
      FUZZ_SEED: String(seed),
      FUZZ_MILLISECONDS: String(Math.ceil((minutes * 60_000) / PROPERTIES)),
    },
  },
);
console.log(`seed ${seed}`);
process.exitCode = status ?? 1;
