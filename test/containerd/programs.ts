import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { accessSync, constants, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';

const PATH = process.env['PATH'] ?? '';
const MODULE = join(import.meta.dirname, 'go');

/** A containerd, and the PATH by which its programs and those that it needs are found. */
export interface Installation {
  readonly name: string;
  readonly path: string;
}

/** What the go module of the tests builds. */
const BUILT = ['containerd', 'ctr', 'containerd-shim-runc-v2'];

/** Where it builds them; another go.sum has another folder, and CI may keep it. */
const CACHE = join(
  process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'),
  'nestjs-ttrpc',
  `containerd-${createHash('sha256')
    .update(readFileSync(join(MODULE, 'go.sum')))
    .digest('hex')
    .slice(0, 16)}`,
);

/** The one that the machine has: Debian 12's is 1.6. */
const SYSTEM: Installation = { name: 'containerd of the system', path: PATH };

/** That of the go module: 2.x. */
export const NEWEST: Installation = { name: 'containerd 2', path: CACHE + delimiter + PATH };

/** Both, oldest first. */
export const INSTALLATIONS: readonly Installation[] = [SYSTEM, NEWEST];

/** Where the path finds a program; `undefined` if it does not. */
export function findProgram(name: string, path = PATH): string | undefined {
  return path
    .split(delimiter)
    .map((folder) => join(folder, name))
    .find(isExecutable);
}

/** Why the tests that need this cannot run here; `undefined` if they can. */
export function whyNot(
  { name, path }: Installation,
  programs: readonly string[] = [],
): string | undefined {
  if (process.getuid?.() !== 0) return `${name}: only root may run it`;
  const needed = [...BUILT, 'runc', 'busybox', ...programs];
  const missing = needed.filter((program) => findProgram(program, path) === undefined);
  if (missing.length > 0) return `${name}: there is no ${missing.join(', ')} here`;
  if (path !== PATH && !isExecutable(join(CACHE, BUILT[0]!))) return `${name}: it is not built`;
  return undefined;
}

/**
 * Builds containerd 2, if it is not there yet: some minutes once.
 *
 * @throws Error with the compiler's words when it fails
 */
export function buildNewest(): void {
  if (BUILT.every((program) => isExecutable(join(CACHE, program)))) return;
  const half = `${CACHE}.${process.pid}`;
  mkdirSync(half, { recursive: true });
  const packages = BUILT.map((program) => `github.com/containerd/containerd/v2/cmd/${program}`);
  const { status, stderr } = spawnSync(
    'go',
    [
      'build',
      '-buildvcs=false',
      '-tags=no_btrfs,no_devmapper,no_zfs',
      '-o',
      `${half}/`,
      ...packages,
    ],
    { cwd: MODULE, encoding: 'utf8', env: { ...process.env, CGO_ENABLED: '0' } },
  );
  if (status !== 0) throw new Error(`containerd does not build:\n${stderr}`);
  rmSync(CACHE, { recursive: true, force: true });
  renameSync(half, CACHE);
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
