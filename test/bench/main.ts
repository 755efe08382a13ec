import { writeFileSync } from 'node:fs';

import { toJson } from './json.js';
import { measure } from './measure.js';
import { method } from './method.js';
import { HELP, readOptions, type Options } from './options.js';
import { findCores, type Cores } from './pinning.js';
import { plot } from './plot.js';
import { buildBase, buildGo } from './programs.js';
import type { Measured } from './ratios.js';
import { report } from './report.js';
import { STUDIES } from './studies/all.js';
import type { Outcome, Study } from './studies/study.js';
import { baseSubjects, SUBJECTS, takesPart, type Subject } from './subjects.js';
import { judge, targetsTable } from './targets.js';
import { worksOf, type Work } from './works.js';

const asked = readOptions(process.argv.slice(2));
if (asked === undefined) console.log(HELP);
else if (asked.micro) await import('./micro/main.js');
else await run(asked);

async function run(options: Options): Promise<void> {
  const begin = performance.now();
  const say = (text: string): void => {
    console.error(`${((performance.now() - begin) / 1000).toFixed(0).padStart(5)} s  ${text}`);
  };
  const cores = findCores();
  const subjects = chooseSubjects(options, say);
  const works = chooseWorks(options, cores);
  console.log(method(options, cores));
  const all: Measured[] = [];
  for (const [index, work] of works.entries()) {
    const taking = subjects.filter((subject) => takesPart(subject, work));
    say(`${index + 1} of ${works.length}: ${work.title}, ${taking.length} subjects warm up`);
    const measured = { work, results: await measure(work, taking, { options, cores, say }) };
    all.push(measured);
    console.log(report(measured));
  }
  const outcomes: Outcome[] = [];
  const studies = chooseStudies(options);
  const go = studies.length > 0 && buildGo() === undefined;
  for (const study of studies) {
    say(study.name);
    try {
      const outcome = await study.run({ options, cores, go, say });
      outcomes.push(outcome);
      console.log(outcome.text);
    } catch (error) {
      console.log(`${study.name}: failed: ${(error as Error).message}\n`);
    }
  }
  const checks = outcomes.flatMap((outcome) => outcome.checks);
  const verdicts = judge(all, checks);
  if (verdicts.length > 0) console.log(targetsTable(verdicts));
  if (options.json !== undefined) writeFileSync(options.json, toJson(all, outcomes, verdicts));
  if (options.svg !== undefined) writeFileSync(options.svg, plot(all));
}

/** Builds what the wanted subjects need and leaves out what can't be built. */
function chooseSubjects(options: Options, say: (text: string) => void): Subject[] {
  const { base, quick } = options;
  const known = [...SUBJECTS, ...(base === undefined ? [] : baseSubjects(base))];
  const wanted = choose(known, options.subjects, ({ name }) => [name]).filter(
    ({ main }) => !quick || main || options.subjects.length > 0,
  );
  if (base !== undefined) buildBase(base);
  const needsGo = ({ server, client }: Subject): boolean =>
    server.program === 'go' || client.program === 'go';
  const missing = wanted.some(needsGo) ? buildGo() : undefined;
  if (missing === undefined) return wanted;
  say(`Go is left out: ${missing}`);
  return wanted.filter((subject) => !needsGo(subject));
}

function chooseWorks({ quick, works }: Options, cores: Cores): Work[] {
  return choose([...worksOf(quick), ...STUDIES], works, (each) =>
    'inFlight' in each ? [each.name, `${each.name}:${each.inFlight}`] : [each.name],
  )
    .filter((each) => 'inFlight' in each)
    .filter(({ pinned }) => pinned || cores !== undefined)
    .filter((work) => !quick || work.quick || works.length > 0);
}

/** They take minutes: those that were asked for, or all in a full run. */
function chooseStudies({ quick, works, subjects, base }: Options): Study[] {
  const full = !quick && works.length + subjects.length === 0 && base === undefined;
  return STUDIES.filter(({ name }) => full || works.includes(name));
}

/** Those of a name that was asked for; all if none was. */
function choose<T>(
  all: readonly T[],
  wanted: readonly string[],
  namesOf: (each: T) => readonly string[],
): T[] {
  const unknown = wanted.find((name) => !all.some((each) => namesOf(each).includes(name)));
  if (unknown !== undefined) {
    throw new Error(`${unknown} is none of ${[...new Set(all.flatMap(namesOf))].join(', ')}`);
  }
  return all.filter((each) => wanted.length === 0 || namesOf(each).some((n) => wanted.includes(n)));
}
