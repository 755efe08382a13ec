import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** The core of the servers and that of the clients; undefined where processes can't be pinned. */
export type Cores = readonly [server: number, client: number] | undefined;

export function findCores(): Cores {
  if (spawnSync('taskset', ['--version'], { stdio: 'ignore' }).status !== 0) return undefined;
  const list = /^Cpus_allowed_list:\s+(.+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1];
  const [server, client] = parseList(list ?? '');
  return server === undefined || client === undefined ? undefined : [server, client];
}

/** Reads a list as the kernel writes it: `0-3,8`. */
export function parseList(list: string): number[] {
  return list
    .split(',')
    .filter((range) => range !== '')
    .flatMap((range) => {
      const [first = NaN, last = first] = range.split('-').map(Number);
      return Array.from({ length: last - first + 1 }, (_, index) => first + index);
    });
}
