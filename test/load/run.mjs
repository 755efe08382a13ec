// Loads, starves, cuts and kills; `npm run load -- --help` says what it can be told.
import { spawnSync } from 'node:child_process';
import { join, resolve } from 'node:path';

const here = import.meta.dirname;
const compiler = join(resolve(here, '../..'), 'node_modules/typescript/bin/tsc');
const { status } = spawnSync(process.execPath, [compiler, '-p', here], {
  stdio: ['ignore', 2, 2],
});
if (status !== 0) process.exit(1);
await import('./.build/node/test/load/main.js');
