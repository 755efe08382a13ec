import { spawnSync } from 'node:child_process';
import { cpus, loadavg, release, totalmem, type } from 'node:os';

import type { Options } from './options.js';
import type { Cores } from './pinning.js';

/** What stands above the tables: how it was measured, and on what. */
export function method({ rounds, slice, warmUp }: Options, cores: Cores): string {
  const go = spawnSync('go', ['env', 'GOVERSION'], { encoding: 'utf8' }).stdout?.trim();
  const [core] = cpus();
  return `# Benchmark

Server and client are two processes on a unix socket${cores === undefined ? ' (there is no taskset here to pin them)' : `, pinned to a core each (${cores.join(' and ')}) but where it says so; Go with GOMAXPROCS=1 then`}.
The client makes a call as soon as one has ended, with so many in flight. Each subject warms up for
${warmUp} ms; then ${rounds} rounds give each a slice of ${slice} ms, in an order that is rotated from round to round.
Figures are medians of the rounds, with the least and the greatest in brackets; a ratio is formed
inside each round, between slices that lie seconds apart; where a target compares two works, these
were measured one after the other. p50 and p99 are a call's, of a stream the whole stream's. The
small message has 40 bytes, and goes both ways. Memory is the process's peak since its start. Where
a stream goes both ways, the messages of both are counted. "Nest" sends a timeout and an entry of
metadata with each call; the peers send the message alone.

${type()} ${release()}, ${cpus().length} × ${core?.model.trim() ?? 'CPU'}, ${Math.round(totalmem() / 2 ** 30)} GiB, Node ${process.versions.node}${go ? `, ${go}` : ''}, load ${number(loadavg()[0])} when it began.
`;
}

function number(load = 0): string {
  return load.toFixed(1);
}
