import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

import type { Command } from './child.js';
import type { HostConfig } from './host.js';

/** Where the programs of a study are. */
export interface Programs {
  /** This folder as it is in the repository. */
  readonly folder: string;
  /** host.js, compiled. */
  readonly host: string;
}

/** Those that run.mjs has compiled. */
export const COMPILED: Programs = {
  folder: join(import.meta.dirname, '../../../../../..', 'test/load'),
  host: join(import.meta.dirname, 'host.js'),
};

/** A process of this package's. */
export function ours({ folder, host }: Programs, config: Omit<HostConfig, 'proto'>): Command {
  const given = JSON.stringify({ ...config, proto: join(folder, 'load.proto') });
  return {
    program: process.execPath,
    args: ['--disable-warning=ExperimentalWarning', host, given],
  };
}

/** A process of Go's. */
export function go({ folder }: Programs, config: Omit<HostConfig, 'peer' | 'proto'>): Command {
  return { program: join(folder, '.build/go-peer'), args: [JSON.stringify(config)] };
}

/**
 * Builds the Go peer.
 *
 * @returns why it can't be, if so
 */
export function buildGo({ folder }: Programs): string | undefined {
  const args = ['build', '-buildvcs=false', '-o', '../.build/go-peer', '.'];
  const { error, status, stderr } = spawnSync('go', args, {
    cwd: join(folder, 'go'),
    encoding: 'utf8',
  });
  if (error !== undefined) return 'there is no go here';
  return status === 0 ? undefined : stderr.trim();
}
