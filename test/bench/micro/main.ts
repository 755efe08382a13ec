// Times the hot pieces of a call beside the plainer ways: `npm run bench -- --micro`.
import { join } from 'node:path';

import { number, table } from '../report.js';
import { ratio, spread } from '../statistics.js';

const ROUNDS = 9;
const SLICE_MS = 100;
const AT_ONCE = 1000;

// The definition of the service is found by its bare name.
process.chdir(join(import.meta.dirname, '../../../../..'));
const { PIECES } = await import('./pieces.js');

for (const { name, ways } of PIECES) {
  const times = Object.keys(ways).map((): number[] => []);
  const all = Object.values(ways);
  for (const way of all) time(way);
  // In turns, so that whatever slows the machine down slows all of them.
  for (let round = 0; round < ROUNDS; round++) {
    for (const [index, way] of all.entries()) times[index]!.push(time(way));
  }
  const rows = Object.keys(ways).map((way, index) => [
    way,
    number(spread(times[index]!).median),
    number(ratio(times[index]!, times[0]!).median),
  ]);
  console.log(table([name, 'ns', 'ratio'], rows));
}

/** Nanoseconds that it takes once. */
function time(way: () => void): number {
  const begin = performance.now();
  let done = 0;
  while (performance.now() - begin < SLICE_MS) {
    for (let left = AT_ONCE; left > 0; left--) way();
    done += AT_ONCE;
  }
  return ((performance.now() - begin) * 1e6) / done;
}
