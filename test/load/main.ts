import { HELP, readOptions, type Options } from './options.js';
import { buildGo, COMPILED } from './programs.js';
import { STUDIES } from './studies/all.js';
import type { Setup, Study } from './studies/study.js';

const options = readOptions(process.argv.slice(2));
if (options === undefined) console.log(HELP);
else process.exitCode = (await runAll(options)) ? 0 : 1;

/** @returns whether all holds */
async function runAll({ studies, minutes, seed, scale }: Options): Promise<boolean> {
  const unknown = studies.find((name) => STUDIES.every((study) => study.name !== name));
  if (unknown !== undefined) {
    throw new RangeError(`${unknown} is none of ${STUDIES.map(({ name }) => name).join(', ')}`);
  }
  const missing = buildGo(COMPILED);
  if (missing !== undefined) say(`Go is left out: ${missing}`);
  const setup = { programs: COMPILED, seed, minutes, scale, go: missing === undefined, say };
  say(`seed ${seed}`);
  let failures = 0;
  for (const study of STUDIES.filter(
    ({ name }) => studies.length === 0 || studies.includes(name),
  )) {
    if (!(await report(study, setup))) failures += 1;
  }
  console.log(failures === 0 ? '\nall holds' : `\n${failures} failed; seed ${seed}`);
  return failures === 0;
}

async function report(study: Study, setup: Setup): Promise<boolean> {
  try {
    console.log(`\n${await study.run(setup)}`);
    return true;
  } catch (error) {
    console.log(`\n## ${study.name}: FAILED\n\n${(error as Error).message}`);
    return false;
  }
}

function say(line: string): void {
  console.error(`${new Date().toISOString().slice(11, 19)} ${line}`);
}
