// Runs a sample in this repository, by the package as `npm run build` has built it here:
//
//   node sample/run.mjs 03-streaming
import { spawnSync } from 'node:child_process';
import { mkdirSync, rmSync, symlinkSync } from 'node:fs';
import { join, resolve } from 'node:path';

const here = import.meta.dirname;

// What `npm install` would do in a sample that is copied out; the rest is in the root's node_modules.
const installed = join(here, 'node_modules', 'nestjs-ttrpc');
mkdirSync(join(here, 'node_modules'), { recursive: true });
rmSync(installed, { force: true });
symlinkSync(resolve(here, '..'), installed, 'junction');

const { status } = spawnSync('npm', ['start', '--silent'], {
  cwd: join(here, process.argv[2] ?? '01-four-kinds'),
  stdio: 'inherit',
  shell: process.platform === 'win32',
});
process.exitCode = status ?? 1;
