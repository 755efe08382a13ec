import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { tapArguments } from './recorder/index.js';
import { sampleFolder } from './sample.js';

const SAMPLE = '14-nri-plugin';

/** What the sample's own launcher has to be told of this machine. */
const PLACES: readonly [there: string, here: string][] = [
  ['/usr/bin/node', process.execPath],
  ['/opt/nri/env/14-nri-plugin', sampleFolder(SAMPLE)],
];

/**
 * Puts the sample's launcher into a runtime's folder of plugins.
 *
 * @param transcript - records what the plugin says, if anything is recorded
 * @returns the file that will have the process's id
 */
export function installPlugin(folder: string, transcript: string): string {
  const pidFile = join(folder, '..', 'plugin.pid');
  let script = readFileSync(join(sampleFolder(SAMPLE), 'launch/10-env'), 'utf8');
  for (const [there, here] of PLACES) {
    if (!script.includes(there)) throw new Error(`the launcher does not mention ${there}`);
    script = script.replace(there, here);
  }
  const tap = tapArguments(transcript).join(' ');
  script = script
    .replace('\nexec ', () => `\necho $$ >${pidFile}\nexec `)
    .replace(process.execPath, `${process.execPath} ${tap}`);
  writeFileSync(join(folder, '10-env'), script, { mode: 0o755 });
  return pidFile;
}
