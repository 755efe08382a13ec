// A process of a study: `host '{"role":"serve","peer":"engine","path":…}'`. It answers one line of
// JSON with one, says "ready" first, and ends with its stdin; go/main.go is another such.
import { openSync, writeSync } from 'node:fs';
import { createInterface } from 'node:readline';

import { startJob, type JobOrder } from './jobs/all.js';
import type { Job } from './jobs/job.js';
import { connect, serve } from './peers/all.js';
import type { Config, LoadClient, LoadServer } from './peers/peer.js';
import { resources } from './resources.js';

/** What a process is told. */
export type HostOrder =
  | { readonly do: 'resources' }
  | { readonly do: 'shutdown' }
  | { readonly do: 'progress' }
  | { readonly do: 'stop' }
  | ({ readonly do: 'start' } & JobOrder);

/** What is answered to `start`, `progress` and `stop`. */
export interface Progress {
  readonly done: number;
  readonly over: boolean;
  /** Of the job, once it is over. */
  readonly result?: unknown;
}

export type HostConfig = Config & { readonly role: 'serve' | 'call' };

const config = JSON.parse(process.argv[2] ?? '') as HostConfig;
const ends: (LoadClient | LoadServer)[] = [];
let job: Job | undefined;
let over = false;
let result: unknown;

if (config.role === 'serve') ends.push(await serve(config, recorder(config.effects)));
else {
  const client = await connect(config);
  await client.connect();
  ends.push(client);
}
console.log('"ready"');

for await (const line of createInterface(process.stdin)) {
  console.log(JSON.stringify(await answer(JSON.parse(line) as HostOrder)));
}
process.exit();

async function answer(order: HostOrder): Promise<unknown> {
  switch (order.do) {
    case 'resources':
      return resources(ends);
    case 'shutdown':
      await (ends[0] as LoadServer).shutdown();
      return {};
    case 'start':
      start(order);
      return progress();
    case 'stop':
      job?.stop();
      return progress();
    case 'progress':
      return progress();
  }
}

function start(order: JobOrder): void {
  over = false;
  const started = startJob(order, { config, clients: ends as LoadClient[] });
  job = started;
  // Not caught: a call that ends as it must not ends the process, and says why.
  void started.result.then((value) => {
    result = value;
    over = true;
  });
}

function progress(): Progress {
  return { done: job?.done() ?? 0, over, ...(over && { result }) };
}

/** Writes the number of each call to a file at once, so that it outlives the process. */
function recorder(file: string | undefined): (call: number) => void {
  if (file === undefined) return () => undefined;
  const descriptor = openSync(file, 'a');
  const number = Buffer.alloc(4);
  return (call) => {
    number.writeUInt32LE(call);
    writeSync(descriptor, number);
  };
}
