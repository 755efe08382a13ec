import { spawnSync } from 'node:child_process';
import { symlinkSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';

import { tempFolder } from '../transport/temp-folder.js';
import { buildGo, type Programs } from './programs.js';
import { inChaos } from './studies/chaos.js';
import { deadlock } from './studies/deadlock.js';
import { idle } from './studies/idle.js';
import type { Setup } from './studies/study.js';

// The studies that need processes of their own, in small. They belong to the interop tests.

const at = tempFolder();
const root = resolve(import.meta.dirname, '../..');
const SECONDS_120 = 120_000;

/** Faults of each peer; with this seed some of each kind. */
const EVENTS = 8;
const SEED = 4;

const setup: Setup = {
  programs: compiled(),
  seed: SEED,
  minutes: 0,
  scale: 0,
  go: false,
  say: () => undefined,
};
const go = buildGo(setup.programs) === undefined;

/** The programs in a folder of their own, so that nobody who compiles them too is in the way. */
function compiled(): Programs {
  return { folder: import.meta.dirname, host: at('test/load/host.js') };
}

beforeAll(() => {
  writeFileSync(at('package.json'), '{ "type": "module" }');
  symlinkSync(join(root, 'node_modules'), at('node_modules'));
  const compiler = join(root, 'node_modules/typescript/bin/tsc');
  const args = [compiler, '-p', import.meta.dirname, '--outDir', at('.')];
  const { status, stdout } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  expect(stdout).toBe('');
  expect(status).toBe(0);
}, SECONDS_120);

describe('chaos', () => {
  it.each(['engine', 'nest'] as const)(
    'ends each call once, and as it says: %s',
    async (peer) => {
      const report = await inChaos(peer, setup, (events) => events < EVENTS);
      expect(report).toMatch(/echo +\| +[1-9]/);
    },
    SECONDS_120,
  );
});

describe('the deadlock recipe', () => {
  it(
    'goes through, with Go on either side if there is Go',
    async () => {
      const report = await deadlock.run({ ...setup, scale: 0.0003, go });
      expect(report.match(/\| 300 /g)).toHaveLength(go ? 4 : 2);
    },
    SECONDS_120,
  );
});

describe('idle connections', () => {
  it(
    'are held, and carry a call each',
    async () => {
      expect(await idle.run({ ...setup, scale: 0.03 })).toMatch(/\| 300 /);
    },
    SECONDS_120,
  );
});
