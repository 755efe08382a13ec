import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';

import type { Command } from './child.js';
import type { Cores } from './pinning.js';
import type { Program, Role } from './subjects.js';

/** This folder as it is in the repository, whatever was compiled from it. */
const BENCH = join(import.meta.dirname, '../../../../../..', 'test/bench');
export const ROOT = join(BENCH, '../..');
const BUILD = join(BENCH, '.build');
const GO_PEER = join(BUILD, 'go-peer');
const BASE = join(BUILD, 'base');
const HOST = 'test/bench/.build/node/test/bench/host.js';

/**
 * Builds the Go peer.
 *
 * @returns why it can't be, if so
 */
export function buildGo(): string | undefined {
  const args = ['build', '-buildvcs=false', '-o', GO_PEER, '.'];
  const { error, status, stderr } = spawnSync('go', args, {
    cwd: join(BENCH, 'go'),
    encoding: 'utf8',
  });
  if (error !== undefined) return 'there is no go here';
  return status === 0 ? undefined : stderr.trim();
}

/**
 * Compiles `lib` as it was at a git revision, with the benchmark as it is.
 *
 * @throws Error with git's or the compiler's words
 */
export function buildBase(revision: string): void {
  rmSync(BASE, { recursive: true, force: true });
  mkdirSync(BASE, { recursive: true });
  const archive = run('git', ['archive', '--format=tar', revision, 'lib', 'tsconfig.json']);
  run('tar', ['-xf', '-', '-C', BASE], archive);
  for (const name of readdirSync(BENCH)) {
    const copy = join(BASE, 'test/bench', name);
    if (join(BENCH, name) !== BUILD) cpSync(join(BENCH, name), copy, { recursive: true });
  }
  const compiler = join(ROOT, 'node_modules/typescript/bin/tsc');
  run(process.execPath, [compiler, '-p', join(BASE, 'test/bench')]);
  const modules = join(BASE, 'test/bench/.build/node/lib');
  run(process.execPath, [join(ROOT, '.ci/build.mjs'), '--bundle', modules]);
}

function run(command: string, args: string[], input?: Buffer): Buffer {
  const { error, status, stdout, stderr } = spawnSync(command, args, {
    cwd: ROOT,
    input,
    maxBuffer: 64 * 1024 * 1024,
  });
  if (error !== undefined) throw error;
  if (status !== 0) throw new Error(`${command}: ${String(stderr)}${String(stdout)}`);
  return stdout;
}

/** How to start one role of a subject. */
export function commandOf(
  role: 'serve' | 'drive',
  { program, peer }: Role,
  socket: string,
  cores: Cores,
): Command {
  const own = [...programOf(program), role, peer, socket];
  const core = cores?.[role === 'serve' ? 0 : 1];
  const [first = '', ...args] = core === undefined ? own : ['taskset', '-c', String(core), ...own];
  const env = core === undefined ? {} : { GOMAXPROCS: '1' };
  return { program: first, args, cwd: BENCH, env };
}

function programOf(program: Program): string[] {
  if (program === 'go') return [GO_PEER];
  return [process.execPath, join(program === 'base' ? BASE : ROOT, HOST)];
}
