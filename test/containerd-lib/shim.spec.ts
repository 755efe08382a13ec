import { execFile, spawnSync, type PromiseWithChild } from 'node:child_process';
import { constants, existsSync, mkdirSync, openSync, readFileSync, readSync } from 'node:fs';
import { closeSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { groupOfAnnotations, obey, type ShimProgram } from '../../lib/containerd/shim.js';
import { reportListening, startShimDaemon } from '../../lib/containerd/shim-daemon.js';
import { shimSocketPath } from '../../lib/containerd/shim-socket.js';
import { TtrpcClient } from '../../lib/engine/client.js';
import { loadServices } from '../../lib/proto/service-definition.js';
import { until } from '../engine/harness.js';
import { tempFolder } from '../transport/temp-folder.js';
import { transpileLib } from '../transport/transpiled.js';

const run = promisify(execFile);
const at = tempFolder();
const PROGRAM = join(import.meta.dirname, 'shim-program.mjs');
const ROOMS = [
  '.',
  'spec',
  'wire',
  'protocol',
  'rpc',
  'transport',
  'proto',
  'engine',
  'containerd',
];
const protos = join(import.meta.dirname, '../../sample/containerd-proto');
const catalog = loadServices({
  protoPath: [join(protos, 'bootstrap-v1.proto'), join(protos, 'task-v2.proto')],
  loader: { longs: Number },
});

let bundles = 0;
let bundle: string;
let sockets: string;

beforeEach(() => {
  bundle = at(`b${++bundles}`);
  sockets = at(`s${bundles}`);
  mkdirSync(bundle);
  configure({});
});

/** Writes the bundle's config.json. */
function configure(annotations: Record<string, string>): void {
  writeFileSync(`${bundle}/config.json`, JSON.stringify({ annotations }));
}

/** What containerd 2.3 writes to stdin: sockets in this test's folder. */
function params(id: string): Uint8Array {
  return catalog.encodeAny('containerd.runtime.bootstrap.v1.BootstrapParams', {
    instanceId: id,
    socketDir: sockets,
  }).value;
}

const flags = (id: string): string[] => ['-namespace', 'ns', '-id', id, '-address', '/c.sock'];

describe.skipIf(process.platform !== 'linux')('runShim', () => {
  const pids: number[] = [];
  let lib: string;

  beforeAll(() => {
    lib = transpileLib(at('lib'), ROOMS);
  });

  afterEach(() => {
    for (const pid of pids.splice(0)) process.kill(pid, 'SIGKILL');
  });

  /** Runs the program as containerd does: in the bundle, until nobody can print any more. */
  async function shim(
    argv: readonly string[],
    stdin: Uint8Array = Buffer.alloc(0),
  ): Promise<Buffer> {
    const program = run(process.execPath, [PROGRAM, ...argv], {
      cwd: bundle,
      env: { ...process.env, TTRPC_LIB: lib },
      encoding: 'buffer',
    }) as PromiseWithChild<{ stdout: Buffer; stderr: Buffer }>;
    program.child.stdin!.end(stdin);
    const { stdout, stderr } = await program;
    expect(stderr.toString()).toBe('');
    return stdout;
  }

  async function start(id: string): Promise<string> {
    const answer = await shim([...flags(id), 'start'], params(id));
    const pid = Number(readFileSync(`${bundle}/pid`, 'utf8'));
    if (!pids.includes(pid)) pids.push(pid);
    return answer.toString();
  }

  it('starts a daemon that listens, and prints where, and nothing else', async () => {
    const address = await start('c1');
    expect(address).toMatch(new RegExp(`^unix://${sockets}/[0-9a-f]{64}$`));
    expect(readFileSync(`${bundle}/address`, 'utf8')).toBe(address);
    const client = new TtrpcClient({ address });
    await client.connect();
    await client.close();
    expect(statSync(sockets).mode & 0o777).toBe(0o700);
  });

  it('starts the daemon in a session of its own, whose parent is gone', async () => {
    await start('c1');
    const [pid] = pids;
    // pid (comm) state ppid pgrp session
    const facts = readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /, '')
      .split(' ');
    expect(Number(facts[3])).toBe(pid);
    expect(() => process.kill(Number(facts[1]), 0)).not.toThrow();
    expect(Number(facts[1])).not.toBe(process.pid);
  });

  it('has what the daemon prints go to the log of the bundle', async () => {
    spawnSync('mkfifo', [`${bundle}/log`]);
    const log = openSync(`${bundle}/log`, constants.O_RDONLY | constants.O_NONBLOCK);
    const debug = await shim([...flags('c1'), '-debug', 'start'], params('c1'));
    pids.push(Number(readFileSync(`${bundle}/pid`, 'utf8')));
    expect(debug.toString()).toMatch(/^unix:/);
    const bytes = Buffer.alloc(1000);
    expect(bytes.toString('utf8', 0, readSync(log, bytes))).toBe('serves c1, debug true\n');
    closeSync(log);
  });

  it('finds the daemon of its group, and starts no other', async () => {
    configure({ 'io.kubernetes.cri.sandbox-id': 'pod' });
    const first = await start('c1');
    const one = bundle;
    bundle = at('second');
    mkdirSync(bundle);
    configure({ 'io.kubernetes.cri.sandbox-id': 'pod' });
    const second = await shim([...flags('c2'), 'start'], params('c2'));
    expect(second.toString()).toBe(first);
    expect(existsSync(`${bundle}/pid`)).toBe(false);
    expect(readFileSync(`${bundle}/address`)).toEqual(readFileSync(`${one}/address`));
  });

  it('starts a daemon in the place of one that was killed', async () => {
    const first = await start('c1');
    process.kill(pids.pop()!, 'SIGKILL');
    expect(await start('c1')).toBe(first);
    await new TtrpcClient({ address: first }).connect();
  });

  it.each([
    ['broken', "io.containerd.test.v1: the shim's daemon failed: no luck today\n"],
    ['dead', "io.containerd.test.v1: the shim's daemon ended with 5; its log says why\n"],
  ])('fails with what the daemon said: %s', async (id, complaint) => {
    const failed = await shim([...flags(id), 'start'], params(id)).catch((error: unknown) => error);
    const { code, stdout, stderr } = failed as { code: number; stdout: Buffer; stderr: Buffer };
    expect([code, stdout.toString(), stderr.toString()]).toEqual([1, '', complaint]);
    expect(existsSync(`${bundle}/address`)).toBe(false);
  });

  it('says its version', async () => {
    expect((await shim(['-v'])).toString()).toBe('io.containerd.test.v1 1.2.3\n');
  });
});

describe.skipIf(process.platform !== 'linux')('startShimDaemon', () => {
  const [, program] = process.argv;
  const idle = (): string => at(`idle${bundles}.cjs`);

  /** Whether the daemon runs. */
  const runs = (): boolean =>
    readdirSync('/proc').some((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(idle());
      } catch {
        return false;
      }
    });

  afterEach(() => {
    process.argv[1] = program!;
  });

  it('kills a daemon that does not listen in time', async () => {
    process.argv[1] = idle();
    writeFileSync(idle(), 'setInterval(() => {}, 1000)');
    const started = startShimDaemon({ args: [], bundle, timeoutMs: 100 });
    await expect(started).rejects.toThrow("the shim's daemon did not listen within 100 ms");
    await until(() => !runs());
  });

  it('says what the system says when there is no such folder', async () => {
    const started = startShimDaemon({ args: [], bundle: at('nowhere') });
    await expect(started).rejects.toThrow(/could not be started: .*ENOENT/);
  });

  it('has nobody to report to outside of a daemon', () => {
    const { send } = process;
    delete process.send;
    reportListening();
    if (send !== undefined) process.send = send;
  });
});

describe('what a shim is told to do', () => {
  const program: ShimProgram = {
    name: 'io.containerd.test.v1',
    version: '1.2.3',
    serve: () => Promise.reject(new Error('nothing to serve')),
    cleanUp: () => Promise.resolve({ pid: 42, exitStatus: 137, exitedAt: new Date(2000) }),
  };
  const decode = (answer: Uint8Array | undefined): unknown =>
    catalog.decodeAny({ typeUrl: 'containerd.task.v2.DeleteResponse', value: answer! })?.message;

  async function* chunks(...bytes: Uint8Array[]): AsyncGenerator<Uint8Array> {
    yield* bytes;
  }

  /** A daemon that is there already. */
  async function daemon(id: string): Promise<{ path: string; close: () => Promise<void> }> {
    const path = shimSocketPath({ address: '/c.sock', namespace: 'ns', id, folder: sockets });
    mkdirSync(sockets, { recursive: true });
    const server = createServer((socket) => socket.destroy());
    await new Promise<void>((resolve) => server.listen(path, resolve));
    return { path, close: () => new Promise((resolve) => server.close(() => resolve())) };
  }

  const startAt = (
    id: string,
    more: Partial<ShimProgram> = {},
  ): Promise<Uint8Array | undefined> => {
    const bytes = params(id);
    const stdin = chunks(bytes.subarray(0, 3), bytes.subarray(3));
    return obey({ ...program, ...more }, [...flags(id), '-bundle', bundle, 'start'], stdin);
  };

  it('is to answer start as the program likes', async () => {
    const { path, close } = await daemon('c1');
    const answer = await startAt('c1', {
      answer: ({ params: given }) => ({ format: 'json', version: given === undefined ? 2 : 3 }),
    });
    expect(JSON.parse(Buffer.from(answer!).toString())).toMatchObject({
      version: 3,
      address: `unix://${path}`,
    });
    await close();
  });

  it('is to put containers together as the program likes', async () => {
    const { path, close } = await daemon('all');
    const answer = await startAt('c2', { groupOf: () => 'all' });
    expect(Buffer.from(answer!).toString()).toBe(`unix://${path}`);
    await close();
  });

  it.each([
    [{}, undefined],
    [{ annotations: { 'io.kubernetes.cri.sandbox-id': 'pod' } }, 'pod'],
    [
      {
        annotations: {
          'io.kubernetes.cri.sandbox-id': 'pod',
          'io.containerd.runc.v2.group': 'group',
        },
      },
      'group',
    ],
  ])('groups by annotations: %j as %s', (config, group) => {
    expect(groupOfAnnotations(config)).toBe(group);
  });

  it('is to say how a container has ended that it has cleaned up', async () => {
    const answer = await obey(program, [...flags('c1'), '-bundle', bundle, 'delete'], chunks());
    expect(decode(answer)).toEqual({
      pid: 42,
      exitStatus: 137,
      exitedAt: { seconds: 2 },
    });
  });

  it('takes away the socket of a daemon that was killed, and no other', async () => {
    const { path, close } = await daemon('c1');
    writeFileSync(`${bundle}/address`, `unix://${path}`);
    const argv = [...flags('c1'), '-bundle', bundle, 'delete'];
    await obey(program, argv, chunks());
    expect(existsSync(path)).toBe(true);
    // Its file stays where nobody listens, as behind a SIGKILL.
    spawnSync(process.execPath, [
      '-e',
      `require('net').createServer().listen(${JSON.stringify(`${path}2`)}, () => process.kill(process.pid, 9))`,
    ]);
    writeFileSync(`${bundle}/address`, `unix://${path}2`);
    expect(existsSync(`${path}2`)).toBe(true);
    await obey(program, argv, chunks());
    expect(existsSync(`${path}2`)).toBe(false);
    await close();
  });

  it('is in the working directory without a bundle', async () => {
    let seen = '';
    const cleanUp: ShimProgram['cleanUp'] = (shim) => {
      seen = shim.bundle;
      return Promise.resolve({ exitStatus: 0 });
    };
    await obey({ ...program, cleanUp }, [...flags('c1'), 'delete'], chunks());
    expect(seen).toBe(process.cwd());
  });

  it('is to say who it is', async () => {
    const answer = await obey(program, ['-info'], chunks());
    expect(Buffer.from(answer!).toString()).toContain('io.containerd.test.v1');
    expect(Buffer.from((await obey(program, ['-v'], chunks()))!).toString()).toMatch(/1\.2\.3\n$/);
  });

  it('reads no more of stdin than 4 MiB', async () => {
    const stdin = chunks(Buffer.alloc(4 << 20), Buffer.alloc(1));
    const started = obey(program, [...flags('c1'), '-bundle', bundle, 'start'], stdin);
    await expect(started).rejects.toThrow('stdin of a shim has more than 4194304 bytes');
  });

  it('reads nothing from a terminal', async () => {
    const stdin = Object.assign(chunks(Buffer.from('typed')), { isTTY: true });
    writeFileSync(`${bundle}/config.json`, 'no JSON');
    const started = obey(program, [...flags('c1'), '-bundle', bundle, 'start'], stdin);
    await expect(started).rejects.toThrow(/JSON/);
  });
});

describe('shimSocketPath', () => {
  const options = { address: '/run/containerd/containerd.sock', namespace: 'default', id: 'c1' };

  it("is where containerd's own shims would be, and short enough", () => {
    // sha256 of /run/containerd/containerd.sock/default/c1
    const path = shimSocketPath(options);
    const hash = 'd25aa4ef11a84e954e74a5bcff06557d0b6ea8d0c00243896f29826694bbd888';
    expect(path).toBe(`/run/containerd/s/${hash}`);
    expect(path.length).toBeLessThanOrEqual(106);
  });

  it('is the same for the same shim only', () => {
    const others = [{ id: 'c2' }, { namespace: 'other' }, { address: '/run/other.sock' }];
    const paths = [{}, {}, ...others].map((other) => shimSocketPath({ ...options, ...other }));
    expect(new Set(paths).size).toBe(4);
    expect(paths[0]).toBe(paths[1]);
  });
});
