import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, readlink, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, inject, it } from 'vitest';

import { unpackAny, type ProtoAny } from '../../lib/containerd/typeurl.js';
import { TtrpcClient } from '../../lib/engine/client.js';
import { TtrpcServer } from '../../lib/engine/server.js';
import { loadServices } from '../../lib/proto/service-definition.js';
import { isGone, until } from './daemon.js';
import { startLoneShim, type LoneShim } from './lone-shim.js';
import { INSTALLATIONS } from './programs.js';
import { sampleFolder } from './sample.js';

const catalog = loadServices({
  protoPath: ['task-v2', 'task-v3', 'events', 'events-ttrpc'].map((name) =>
    join(import.meta.dirname, `../../sample/containerd-proto/${name}.proto`),
  ),
  loader: { longs: Number, enums: String, defaults: true },
});
const EVENTS = 'containerd.services.events.ttrpc.v1.Events';
const program = join(sampleFolder('13-containerd-shim'), 'bin/containerd-shim-nest-v1');
const installation = INSTALLATIONS[0]!;
const why = inject('leftOut')[installation.name];

describe('sample 13 without a daemon', () => {
  const namespace = `alone-${process.pid}`;
  const id = 'd1';
  const runcState = `/run/containerd/runc/${namespace}`;
  const events: string[] = [];
  let state: string;
  let eventServer: TtrpcServer;
  let shim: LoneShim;
  let client: TtrpcClient;
  let shimPid: number;

  /** @param version - of the task service, which does not matter */
  function call(name: string, request: object = {}, version = 2): Promise<Record<string, unknown>> {
    const service = `containerd.task.v${version}.Task`;
    const method = catalog.method<object, Record<string, unknown>>(service, name);
    return client.unary(method, { id, ...request }, { timeoutMs: 20_000 });
  }

  const create = (more: object = {}): Promise<Record<string, unknown>> =>
    call('Create', { bundle: shim.bundle, ...more });

  async function shutDown(): Promise<void> {
    await call('Shutdown');
    await until('the shim has gone', () => isGone(shimPid));
    expect(existsSync(shim.address.replace('unix://', ''))).toBe(false);
  }

  /** Sees to it that runc has no container any more, and no process. */
  async function runcHasNothing(pid: unknown): Promise<void> {
    await until('the process has gone', () => isGone(Number(pid)));
    await until('runc has nothing', async () => (await readdir(runcState)).length === 0);
  }

  beforeEach(async ({ skip }) => {
    if (why !== undefined) return skip();
    state = await mkdtemp('/tmp/alone-');
    events.length = 0;
    eventServer = new TtrpcServer();
    eventServer.addService(catalog.service(EVENTS), {
      forward: ({ envelope }: { envelope: { topic: string; event: ProtoAny } }) => {
        const { message } = unpackAny(catalog, envelope.event)!;
        const { exitStatus } = message as { exitStatus?: number };
        events.push(`${envelope.topic}${exitStatus === undefined ? '' : ` ${exitStatus}`}`);
        return {};
      },
    });
    const socket = join(state, 'events');
    await eventServer.listen(`unix://${socket}`);
    const args = ['/bin/sh', '-c', 'sleep 1000'];
    const options = { installation, state, namespace, id, args, program };
    shim = await startLoneShim({ ...options, events: socket });
    client = new TtrpcClient({ address: shim.address });
    shimPid = (await call('Connect'))['shimPid'] as number;
  });

  afterEach(async () => {
    if (why !== undefined) return;
    for (const name of ['Kill', 'Wait', 'Delete', 'Shutdown']) {
      await call(name, { signal: 9 }).catch(() => undefined);
    }
    await until('the shim has gone', () => isGone(shimPid));
    await client.close();
    await eventServer.close();
    shim.log.destroy();
    await rm(state, { recursive: true });
    await rm(runcState, { recursive: true, force: true });
  });

  it('makes a container that waits, and runs it, by either version', async () => {
    const { pid } = await create();
    expect(isGone(Number(pid))).toBe(false);
    expect(await call('State')).toMatchObject({ pid, status: 'CREATED', bundle: shim.bundle });
    expect(await call('Connect')).toMatchObject({ shimPid, taskPid: pid });
    expect(await call('Pids')).toMatchObject({ processes: [{ pid }] });
    const waiting = call('Wait', {}, 3);
    expect(await call('Start', {}, 3)).toEqual({ pid });
    expect(await call('State', {}, 3)).toMatchObject({ pid, status: 'RUNNING', exitStatus: 0 });
    await call('Kill', { signal: 9 }, 3);
    expect(await waiting).toMatchObject({ exitStatus: 137 });
    expect(await call('State')).toMatchObject({ status: 'STOPPED', exitStatus: 137 });
    await expect(call('Kill', { signal: 9 })).rejects.toMatchObject({ code: 5 });
    expect(await call('Delete')).toMatchObject({ pid, exitStatus: 137 });
    await shutDown();
    expect(events).toEqual([
      '/tasks/create',
      '/tasks/start',
      '/tasks/exit 137',
      '/tasks/delete 137',
    ]);
  });

  it('ends a container that never ran by the signal that it was sent', async () => {
    const { pid } = await create();
    const waiting = call('Wait');
    await call('Kill', { signal: 15 });
    expect(await waiting).toMatchObject({ exitStatus: 143 });
    await runcHasNothing(pid);
    await expect(call('Start')).rejects.toMatchObject({ code: 9 });
    await call('Delete');
    await shutDown();
    expect(events).toEqual(['/tasks/create', '/tasks/exit 143', '/tasks/delete 143']);
  });

  it('deletes a container that never ran', async () => {
    const { pid } = await create();
    await call('Delete');
    await runcHasNothing(pid);
    await expect(call('State')).rejects.toMatchObject({ code: 5 });
  });

  it('takes a container that never ran with it when it is killed', async () => {
    const { pid } = await create();
    process.kill(shimPid, 'SIGKILL');
    await runcHasNothing(pid);
  });

  it('says what is there already, what is not, and what runs yet', async () => {
    await expect(call('Start')).rejects.toMatchObject({ code: 5, details: 'task d1 not found' });
    await create();
    await expect(create()).rejects.toMatchObject({ code: 6, details: 'task d1 exists' });
    await call('Start');
    await expect(call('Start')).rejects.toMatchObject({ code: 9 });
    await expect(call('Delete')).rejects.toMatchObject({ code: 9, details: 'd1 is running' });
    await expect(call('State', { execId: 'x' })).rejects.toMatchObject({ code: 5 });
  });

  it('goes on when it is told to shut down while there is a container', async () => {
    await create();
    await call('Shutdown');
    expect(await call('State')).toMatchObject({ status: 'CREATED' });
  });

  it('says what it has not', async () => {
    await expect(create({ terminal: true })).rejects.toMatchObject({ code: 12 });
    await expect(create({ checkpoint: '/c' })).rejects.toMatchObject({ code: 12 });
    await create();
    for (const name of ['Stats', 'Update', 'Checkpoint', 'ResizePty']) {
      await expect(call(name)).rejects.toMatchObject({ code: 12 });
    }
  });

  it('leaves nothing of a container that cannot be made', async () => {
    const rootfs = [{ type: 'tmpfs', source: 'tmpfs', target: '', options: ['size=1m'] }];
    const nonsense = { type: 'nonsense', source: 'none', target: '', options: [] };
    const unmounted = create({ rootfs: [...rootfs, nonsense] });
    await expect(unmounted).rejects.toMatchObject({
      code: 2,
      details: expect.stringContaining('mount: ') as string,
    });
    const unheard = create({ rootfs, stdout: '/no/fifo' });
    await expect(unheard).rejects.toMatchObject({
      details: expect.stringContaining('/no/fifo') as string,
    });
    await rm(join(shim.bundle, 'config.json'));
    await expect(create({ rootfs })).rejects.toMatchObject({
      details: expect.stringContaining('config.json') as string,
    });
    expect(await readFile('/proc/mounts', 'utf8')).not.toContain(shim.bundle);
    const open = await readdir(`/proc/${shimPid}/fd`);
    const targets = await Promise.all(
      open.map((fd) => readlink(`/proc/${shimPid}/fd/${fd}`).catch(() => '')),
    );
    expect(targets.filter((target) => target.endsWith('/gate'))).toEqual([]);
    await expect(call('State')).rejects.toMatchObject({ code: 5 });
  });

  it('ends by itself when nobody connects', { timeout: 30_000 }, async () => {
    await client.close();
    await until('the shim has gone', () => isGone(shimPid));
    expect(existsSync(shim.address.replace('unix://', ''))).toBe(false);
  });
});
