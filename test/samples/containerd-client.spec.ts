import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { packAny } from '../../lib/containerd/typeurl.js';
import { TtrpcServer } from '../../lib/engine/server.js';
import type { CallContext } from '../../lib/rpc/call.js';
import { TASK_CATALOG } from '../../sample/12-containerd-client/src/protos.js';
import { TaskClient } from '../../sample/12-containerd-client/src/shim/task-client.js';
import { usageOf } from '../../sample/12-containerd-client/src/shim/usage.js';

// What cannot be seen beside a real shim, or not on every machine; test/containerd has the rest.

describe('TaskClient of sample 12', () => {
  const contexts = new Map<string, CallContext>();
  const server = new TtrpcServer();
  let folder: string;
  let client: TaskClient;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'task-'));
    const { name, methods } = TASK_CATALOG.service('containerd.task.v3.Task');
    server.addService(
      { name, methods },
      Object.fromEntries(
        methods.map((method) => [
          method.name,
          (_: unknown, context: CallContext) => {
            contexts.set(method.name, context);
            return {};
          },
        ]),
      ),
    );
    const address = await server.listen(join(folder, 's'));
    const where = { bundle: folder, address, protocol: 'ttrpc', version: 3 };
    client = new TaskClient({ id: 'c1', namespace: 'n1', ...where });
  });

  afterAll(async () => {
    await client.close();
    await server.close();
    await rm(folder, { recursive: true });
  });

  it('waits for an exit without a deadline, be it for days', async () => {
    await client.wait();
    expect(contexts.get('Wait')?.deadline).toBeUndefined();
  });

  it('does not wait long for what a shim knows', async () => {
    await Promise.all([client.connect(), client.state(), client.pids(), client.stats()]);
    for (const method of ['Connect', 'State', 'Pids', 'Stats']) {
      expect(contexts.get(method)?.deadline, method).toBeInstanceOf(Date);
    }
  });

  it('names its namespace, as containerd does', async () => {
    await client.state();
    expect(contexts.get('State')?.metadata.get('containerd-namespace-ttrpc')).toEqual(['n1']);
  });

  it('refuses a version of the task service that it has no .proto of', () => {
    const shim = { id: 'c1', namespace: 'n1', bundle: '', address: 'unix:///x', protocol: 'ttrpc' };
    expect(() => new TaskClient({ ...shim, version: 4 })).toThrow(/containerd\.task\.v4\.Task/);
  });
});

describe('usageOf of sample 12', () => {
  const read = (version: string, metrics: object) =>
    usageOf(packAny(TASK_CATALOG, `io.containerd.cgroups.${version}.Metrics`, metrics));

  it('reads the metrics of cgroups v1', () => {
    const memory = { usage: { usage: 4096, limit: 65_536 } };
    const cpu = { usage: { total: 1_500_000_000 } };
    expect(read('v1', { pids: { current: 2 }, cpu, memory })).toEqual({
      processes: 2,
      cpuSeconds: 1.5,
      memoryBytes: 4096,
      memoryLimitBytes: 65_536,
    });
  });

  it('reads the metrics of cgroups v2', () => {
    const memory = { usage: 4096, usageLimit: 65_536 };
    expect(read('v2', { pids: { current: 2 }, cpu: { usageUsec: 1_500_000 }, memory })).toEqual({
      processes: 2,
      cpuSeconds: 1.5,
      memoryBytes: 4096,
      memoryLimitBytes: 65_536,
    });
  });

  it('takes the largest number for no limit', () => {
    const v1 = { memory: { usage: { usage: 1, limit: '9223372036854771712' } } };
    expect(read('v1', v1)).not.toHaveProperty('memoryLimitBytes');
    const v2 = { memory: { usage: 1, usageLimit: '18446744073709551615' } };
    expect(read('v2', v2)).not.toHaveProperty('memoryLimitBytes');
  });

  it('reads metrics without any, such as where a cgroup has no memory controller', () => {
    expect(read('v1', {})).toEqual({ processes: 0, cpuSeconds: 0, memoryBytes: 0 });
    expect(read('v2', {})).toEqual({ processes: 0, cpuSeconds: 0, memoryBytes: 0 });
  });

  it('gives nothing of what it does not know', () => {
    expect(usageOf({ type_url: 'a.Metrics', value: Buffer.alloc(0) })).toBeUndefined();
  });
});
