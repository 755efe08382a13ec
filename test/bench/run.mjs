// Measures this package beside its peers; `npm run bench -- --help` says what it can be told.
// Installs and compiles what that needs first.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';

const here = import.meta.dirname;
const root = resolve(here, '../..');
const compiler = join(root, 'node_modules/typescript/bin/tsc');

if (!existsSync(compiler)) run('npm', ['ci']);
run(process.execPath, [compiler, '-p', here]);
run(process.execPath, [join(root, '.ci/build.mjs'), '--bundle', join(here, '.build/node/lib')]);
await import('./.build/node/test/bench/main.js');

function run(command, args) {
  const shell = process.platform === 'win32' && command === 'npm';
  const { status } = spawnSync(command, args, { cwd: root, stdio: ['ignore', 2, 2], shell });
  if (status !== 0) process.exit(1);
}
