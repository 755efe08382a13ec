import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, it } from 'vitest';

import { findShims } from '../../lib/containerd/shim-bundles.js';
import { fromTimestamp } from '../../lib/containerd/timestamp.js';
import { unpackAny, type ProtoAny } from '../../lib/containerd/typeurl.js';
import { TtrpcClient } from '../../lib/engine/client.js';
import { TtrpcServer } from '../../lib/engine/server.js';
import { loadServices } from '../../lib/proto/service-definition.js';
import { Browser } from './browser.js';
import { isGone, removeRuncState, until } from './daemon.js';
import { firstOfEach } from './first-of-each.js';
import { startLoneShim, type LoneShim } from './lone-shim.js';
import { INSTALLATIONS } from './programs.js';
import { SampleProcess } from './sample.js';
import { saveTranscript, tapHere } from './recorder/index.js';

const FILES = ['task-v2', 'task-v3', 'events', 'events-ttrpc', 'cgroups-v1', 'cgroups-v2'];
const catalog = loadServices({
  protoPath: FILES.map((name) =>
    join(import.meta.dirname, `../../sample/containerd-proto/${name}.proto`),
  ),
  loader: { longs: Number, enums: String, defaults: true },
});

interface Forward {
  readonly envelope: {
    readonly namespace: string;
    readonly topic: string;
    readonly event: ProtoAny;
  };
}

const leftOut = inject('leftOut');

describe.each(INSTALLATIONS)("runc's shim of $name, without a daemon", (installation) => {
  const skip = leftOut[installation.name] !== undefined;
  const namespace = `lone-${process.pid}`;
  const id = 'd1';
  const events: Forward['envelope'][] = [];
  let state: string;
  let eventServer: TtrpcServer;
  let shim: LoneShim;
  let client: TtrpcClient;
  let shimPid = 0;

  /** Calls the task service in the version that the shim has said. */
  function call(name: string, request: object = {}): Promise<Record<string, unknown>> {
    const method = catalog.method<object, Record<string, unknown>>(
      `containerd.task.v${shim.version}.Task`,
      name,
    );
    const timeoutMs = name === 'Wait' ? Infinity : 10_000;
    return client.unary(method, { id, ...request }, { timeoutMs });
  }

  const transcript = `lone shim of ${installation.name}`.replaceAll(' ', '-');

  beforeAll(() => tapHere(transcript));

  beforeEach(async ({ skip: leave }) => {
    if (skip) return leave();
    state = await mkdtemp('/tmp/lone-');
    events.length = 0;
    eventServer = new TtrpcServer();
    eventServer.addService(catalog.service('containerd.services.events.ttrpc.v1.Events'), {
      forward: ({ envelope }: Forward) => {
        events.push(envelope);
        return {};
      },
    });
    const socket = join(state, 'events');
    await eventServer.listen(`unix://${socket}`);
    const args = ['/bin/sh', '-c', 'sleep 1000'];
    shim = await startLoneShim({ installation, state, namespace, id, args, events: socket });
    client = new TtrpcClient({ address: shim.address });
    shimPid = (await call('Connect'))['shimPid'] as number;
  });

  afterEach(async () => {
    if (skip) return;
    // Each fails where the test itself has come that far.
    for (const name of ['Kill', 'Wait', 'Delete', 'Shutdown']) {
      await call(name, { signal: 9 }).catch(() => undefined);
    }
    try {
      await until('the shim has gone', () => isGone(shimPid));
    } finally {
      if (!isGone(shimPid)) process.kill(shimPid, 'SIGKILL');
      await client.close();
      await eventServer.close();
      shim.log.destroy();
      await rm(state, { recursive: true });
    }
    await removeRuncState(namespace);
  });

  it('is found by its bundle, and lives from Create to Shutdown', async () => {
    const { shims } = await findShims({ state, namespace });
    const { address, bundle, version } = shim;
    expect(shims).toEqual([{ id, namespace, bundle, address, version, protocol: 'ttrpc' }]);

    await expect(call('State')).rejects.toMatchObject({ code: 5 });
    const { pid } = await call('Create', { bundle });
    expect(await call('State')).toMatchObject({ pid, status: 'CREATED', bundle });
    const waiting = call('Wait');
    await call('Start');

    const state_ = await call('State');
    expect(state_).toMatchObject({ pid, status: 'RUNNING', exitStatus: 0 });
    expect(fromTimestamp(state_['exitedAt'] as object)).toBeUndefined();
    expect(await call('Pids')).toMatchObject({ processes: [{ pid }] });
    const { stats } = (await call('Stats')) as unknown as { stats: ProtoAny };
    expect(stats.type_url).toMatch(/^io\.containerd\.cgroups\.v[12]\.Metrics$/);
    expect(unpackAny(catalog, stats)?.message).toMatchObject({ pids: { current: 1 } });

    const before = Date.now();
    await call('Kill', { signal: 9 });
    const exit = await waiting;
    expect(exit['exitStatus']).toBe(137);
    const at = fromTimestamp(exit['exitedAt'] as object)!.getTime();
    expect(at).toBeGreaterThanOrEqual(before);
    expect(at).toBeLessThanOrEqual(Date.now());
    expect(await call('State')).toMatchObject({ status: 'STOPPED', exitStatus: 137 });
    expect(await call('Delete')).toMatchObject({ pid, exitStatus: 137 });
    // It may be gone before its answer is.
    await call('Shutdown').catch((error: unknown) => expect(error).toMatchObject({ code: 14 }));
    await until('the shim has gone', () => isGone(shimPid));
    await expect(call('State')).rejects.toMatchObject({ code: 14 });
  });

  it('tells our server of events what happens, in order', async () => {
    const { pid } = await call('Create', { bundle: shim.bundle });
    await call('Start');
    await call('Kill', { signal: 9 });
    await call('Wait');
    await call('Delete');
    await until('four events are there', () => events.length >= 4);
    expect(events.map(({ topic }) => topic)).toEqual(
      ['create', 'start', 'exit', 'delete'].map((name) => `/tasks/${name}`),
    );
    expect(events.every((event) => event.namespace === namespace)).toBe(true);
    expect(unpackAny(catalog, events[2]!.event)).toMatchObject({
      typeName: 'containerd.events.TaskExit',
      message: { containerId: id, id, pid, exitStatus: 137 },
    });
  });

  it.skipIf(leftOut['browser'])('is shown by sample 12 from Create to its end', async () => {
    const env = {
      CONTAINERD_STATE: state,
      CONTAINERD_NAMESPACE: namespace,
      PORT: '0',
      POLL_MS: '50',
    };
    const sample = new SampleProcess('12-containerd-client', ['dist/main.js'], { env });
    const browser = await Browser.start();
    try {
      await browser.open((await sample.line()).replace(/^.*: (http)/, '$1'));
      await browser.shows(new RegExp(`${id}\\s+.*NOT_FOUND.*v${shim.version}`));
      await call('Create', { bundle: shim.bundle });
      await browser.shows(/d1\s+created\s+\d+\s+0\.\d\d s/);
      await call('Start');
      await browser.shows(/d1\s+running\s+\d+\s+0\.\d\d s/);
      await call('Kill', { signal: 9 });
      await browser.shows(/d1\s+exited with 137[^]*Exits\s+d1 .* exited with 137/);
      await call('Delete');
      await call('Shutdown').catch(() => undefined);
      await browser.shows(/d1\s+cannot connect/);
      await rm(shim.bundle, { recursive: true });
      await browser.shows(/No task runs\./);
    } finally {
      await Promise.allSettled([browser.stop(), sample.stop()]);
    }
  });

  it('goes on with a Wait whose caller has a deadline, which it never hears of', async () => {
    await call('Create', { bundle: shim.bundle });
    await call('Start');
    const wait = catalog.method<object, object>(`containerd.task.v${shim.version}.Task`, 'Wait');
    await expect(client.unary(wait, { id }, { timeoutMs: 50 })).rejects.toMatchObject({ code: 4 });
    expect(await call('State')).toMatchObject({ status: 'RUNNING' });
  });

  afterAll(() => {
    if (skip) return;

    saveTranscript(transcript, {
      remarks: `runc's shim of ${installation.name}, started without a daemon`,
      title: titleOf,
      keep: firstOfEach(),
    });
  });
});

/** `containerd.task.v3.Task: Connect, State`. */
function titleOf(calls: readonly string[]): string {
  const [service] = calls[0]?.split('/') ?? [];
  return `${service}: ${calls.map((call) => call.split('/')[1]).join(', ')}`;
}
