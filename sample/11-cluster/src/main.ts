import cluster from 'node:cluster';
import { once } from 'node:events';
import { callsPerSecond } from './load.js';
import { startWorker } from './worker.js';

if (cluster.isWorker) await startWorker();
else await compare();

/** The same load for one worker and for two. In life clients would be other processes. */
async function compare(): Promise<void> {
  for (const count of [1, 2]) {
    const workers = Array.from({ length: count }, () => cluster.fork());
    await Promise.all(workers.map((worker) => once(worker, 'listening')));
    const rate = Math.round(await callsPerSecond());
    console.log(`workers: ${count}, ${rate.toLocaleString('en')} calls/s`);
    const gone = workers.map((worker) => once(worker, 'exit'));
    for (const worker of workers) worker.kill();
    await Promise.all(gone);
  }
}
