import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import type { TtrpcClient, TtrpcError } from '../../lib/engine/index.js';
import { makeClient, turn, until } from '../engine/harness.js';
import { Unary } from '../rpc/text-service.js';
import { tempFolder } from '../transport/temp-folder.js';
import { runScript, withoutLeaks } from './harness.js';
import { engineScript } from './processes.js';

const at = tempFolder();
const ENGINE = engineScript(at('lib'));

const SERVERS = 4;
const WORKERS = 20;
/** Calls that are answered between two restarts. */
const CALLS = 50;

/** Processes that are ready to serve on one path, and write down each call before they answer it. */
async function makeServers(path: string, log: string): Promise<ChildProcess[]> {
  const script = `${ENGINE}
    import { appendFileSync } from 'node:fs';
    const server = serve(async (request) => {
      appendFileSync(${JSON.stringify(log)}, request + '\\n');
      // Long enough that a kill finds calls which are written down and not answered.
      await new Promise((resolve) => setTimeout(resolve, 5));
      return 'echo ' + request;
    });
    process.on('SIGUSR2', () => server.listen(${JSON.stringify(path)}));
    process.on('SIGTERM', async () => {
      await server.shutdown({ graceMs: 60_000 });
      process.exit();
    });
    setInterval(() => {}, 1_000_000);
    console.log('ready');
  `;
  const started = Array.from({ length: SERVERS }, () => runScript(script));
  return (await Promise.all(started)).map(({ child }) => child);
}

/** What became of the calls. */
interface Outcomes {
  readonly answered: Set<string>;
  /** The server may have seen them. */
  readonly unknown: Set<string>;
  /** Had an error that says they were not written, and were made again. */
  readonly repeated: Set<string>;
}

/** Makes a call until it is answered, or it is not known whether the server has seen it. */
async function call(client: TtrpcClient, name: string, outcomes: Outcomes): Promise<void> {
  for (let attempt = 0; ; attempt++) {
    const id = `${name}/${attempt}`;
    try {
      expect(await client.unary(Unary, id, { waitForReady: true })).toBe(`echo ${id}`);
      return void outcomes.answered.add(id);
    } catch (error) {
      const { code, requestWritten } = error as TtrpcError;
      expect(code).toBe(14);
      if (requestWritten !== false) return void outcomes.unknown.add(id);
      outcomes.repeated.add(id);
      await turn();
    }
  }
}

it('loses no call that was not written, and answers none twice, over restarts of busy processes', async () => {
  const [path, log] = [at('s'), at('log')];
  const servers = await makeServers(path, log);
  await withoutLeaks(async () => {
    let connections = 0;
    const client = makeClient({
      address: path,
      reconnect: { initialMs: 1, maxMs: 5 },
      onConnect: () => void (connections += 1),
    });
    const outcomes: Outcomes = { answered: new Set(), unknown: new Set(), repeated: new Set() };
    const state = { over: false };
    const workers = Array.from({ length: WORKERS }, async (_, w) => {
      for (let n = 0; !state.over; n++) await call(client, `${w}/${n}`, outcomes);
    });
    for (const [index, server] of servers.entries()) {
      server.kill('SIGUSR2');
      const before = outcomes.answered.size;
      await until(() => outcomes.answered.size >= before + CALLS);
      state.over = index === servers.length - 1;
      if (state.over) await Promise.all(workers);
      const lost = outcomes.unknown.size;
      const made = connections;
      const exited = once(server, 'exit');
      const killed = index % 2 === 0;
      // One that is asked to go refuses calls until its last connection is closed.
      server.kill(killed ? 'SIGKILL' : 'SIGTERM');
      await exited;
      await until(() => state.over || !client.connected);
      // Nothing but what was under way, also on a connection that a dying process has still taken.
      const cutOff = outcomes.unknown.size - lost;
      if (killed) expect(cutOff).toBeLessThanOrEqual(WORKERS * (1 + connections - made));
    }
    await client.close();
    const runs = readFileSync(log, 'utf8').trim().split('\n');
    expect(new Set(runs).size).toBe(runs.length);
    expect([...outcomes.answered].filter((id) => !runs.includes(id))).toEqual([]);
    expect([...outcomes.repeated].filter((id) => runs.includes(id))).toEqual([]);
    expect(outcomes.answered.size).toBeGreaterThanOrEqual(SERVERS * CALLS);
    expect(client.stats()).toMatchObject({ connections: 0, openStreams: 0 });
  });
});
