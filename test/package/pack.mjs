// Builds the package and packs it, in a folder of its own: `dist/` may be somebody else's just now.
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';

const root = resolve(import.meta.dirname, '../..');
const FILES = ['package.json', 'README.md', 'LICENSE'];

/** Makes the tarball that a release would upload, out of `lib/`; tells its path, and what was packed. */
export function pack(work) {
  const folder = join(work, 'package');
  mkdirSync(folder);
  for (const file of FILES) copyFileSync(join(root, file), join(folder, file));
  run(root, process.execPath, '.ci/build.mjs', join(folder, 'dist'));
  const out = run(folder, 'npm', 'pack', '--json', '--ignore-scripts', '--pack-destination', work);
  const packed = JSON.parse(out);
  const [{ filename, files }] = Array.isArray(packed) ? packed : Object.values(packed);
  return { tarball: join(work, filename), folder, files: files.map(({ path }) => path) };
}

/** Runs a command to its end and returns what it printed; throws all that it said if it fails. */
export function run(cwd, command, ...args) {
  const { status, stdout, stderr, error } = spawnSync(command, args, {
    cwd,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: 180_000,
    // Under `npm run --silent` an npm of our own would not say why it failed.
    env: { ...process.env, npm_config_loglevel: 'error' },
  });
  if (status === 0) return stdout;
  const said = [error?.message, stdout, stderr].filter(Boolean).join('\n');
  throw new Error(`${command} ${args.join(' ')} failed in ${cwd}\n${said}`);
}
