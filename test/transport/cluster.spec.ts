import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { dial } from '../../lib/transport/dial.js';
import { readBytes, startServer } from './sockets.js';
import { tempFolder } from './temp-folder.js';
import { transpileLib } from './transpiled.js';

const at = tempFolder();
let primary: ChildProcess | undefined;

beforeAll(() => {
  const listener = pathToFileURL(`${transpileLib(at('lib'))}/transport/listener.js`).href;
  // The primary passes on what the test says to a worker, and what the worker answers.
  writeFileSync(
    at('cluster.mjs'),
    `import cluster from 'node:cluster';
    if (cluster.isPrimary) {
      if (process.argv[3] === 'none') cluster.schedulingPolicy = cluster.SCHED_NONE;
      const workers = [cluster.fork(), cluster.fork()];
      workers.forEach((worker, who) => worker.on('message', (said) => process.send({ who, said })));
      process.on('message', ({ who, order }) => workers[who].send(order));
      process.on('disconnect', () => workers.forEach((worker) => worker.kill()));
    } else {
      const { listen } = await import(${JSON.stringify(listener)});
      const address = { kind: 'unix', path: process.argv[2] };
      let listener;
      const orders = {
        async listen() {
          listener = await listen(address, (socket) => socket.end(String(cluster.worker.id)), { mode: 0o600 });
          return listener.address;
        },
        async close() {
          await listener.close();
          return 'closed';
        },
      };
      process.on('message', (order) => {
        orders[order]().catch((error) => error.message).then((said) => process.send(said));
      });
      process.send('started');
    }`,
  );
});

afterEach(() => {
  primary?.disconnect();
  primary = undefined;
});

/** Starts a cluster of two workers; tells them what to do, and what each answers. */
async function startCluster(
  path: string,
  scheduling: string,
): Promise<(order: 'listen' | 'close', who: number) => Promise<string>> {
  const child = fork(at('cluster.mjs'), [path, scheduling]);
  primary = child;
  const answers = [gathering(), gathering()];
  child.on('message', ({ who, said }: { who: number; said: string }) => answers[who]?.put(said));
  await Promise.all(answers.map(({ next }) => next()));
  return (order, who) => {
    child.send({ who, order });
    return (answers[who] as (typeof answers)[number]).next();
  };
}

/** What is put before it is asked for, or after. */
function gathering(): { put(said: string): void; next(): Promise<string> } {
  const said: string[] = [];
  let wake = (): void => {};
  return {
    put(text) {
      said.push(text);
      wake();
    },
    async next() {
      if (said.length === 0) await new Promise<void>((resolve) => (wake = resolve));
      return said.shift() as string;
    },
  };
}

/** Which worker accepts a connection. */
async function whoAccepts(path: string): Promise<string> {
  const socket = await dial({ kind: 'unix', path }, { timeoutMs: 5000 });
  const who = await readBytes(socket, 1);
  socket.destroy();
  return who;
}

describe.each(['rr', 'none'])('listen in workers of a cluster, scheduling %s', (scheduling) => {
  it('shares a unix socket, with its mode, until the last one closes it', async () => {
    const path = at(`${scheduling}-shared`);
    const tell = await startCluster(path, scheduling);
    expect(await Promise.all([tell('listen', 0), tell('listen', 1)])).toEqual([
      `unix://${path}`,
      `unix://${path}`,
    ]);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(await tell('close', 0)).toBe('closed');
    expect(await whoAccepts(path)).toBe('2');
    expect(await tell('listen', 0)).toBe(`unix://${path}`);
    expect(await tell('close', 1)).toBe('closed');
    expect(await whoAccepts(path)).toBe('1');
    expect(await tell('close', 0)).toBe('closed');
    await expect.poll(() => existsSync(path)).toBe(false);
  });

  it('replaces the stale file of a socket once, for all of them', async () => {
    const path = at(`${scheduling}-stale`);
    const server = createServer().listen(`${path}.live`);
    await once(server, 'listening');
    renameSync(`${path}.live`, path);
    server.close();
    const tell = await startCluster(path, scheduling);
    expect(await tell('listen', 0)).toBe(`unix://${path}`);
    expect(await tell('listen', 1)).toBe(`unix://${path}`);
  });

  it('leaves the socket of a server outside of the cluster alone', async () => {
    const path = at(`${scheduling}-foreign`);
    const { stop } = await startServer(path);
    const tell = await startCluster(path, scheduling);
    const refusal = `cannot listen on unix://${path}: EADDRINUSE, another server accepts connections on it`;
    expect(await tell('listen', 0)).toBe(refusal);
    expect(await tell('listen', 1)).toBe(refusal);
    expect(existsSync(path)).toBe(true);
    await stop();
  });
});

it('gives the connections to the workers in turn', async () => {
  const path = at('in-turn');
  const tell = await startCluster(path, 'rr');
  await tell('listen', 0);
  await tell('listen', 1);
  const accepted = await Promise.all(Array.from({ length: 8 }, () => whoAccepts(path)));
  expect(new Set(accepted)).toEqual(new Set(['1', '2']));
});
