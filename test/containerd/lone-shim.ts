import { execFile, spawnSync } from 'node:child_process';
import { constants, openSync } from 'node:fs';
import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { Socket } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { unpackAny } from '../../lib/containerd/typeurl.js';
import { loadServices } from '../../lib/proto/service-definition.js';
import { findProgram, type Installation } from './programs.js';

const run = promisify(execFile);

const CATALOG = loadServices({
  protoPath: join(import.meta.dirname, '../../sample/containerd-proto/bootstrap-v1.proto'),
});

/** What the shims of containerd 2.3 answer to `start`. */
interface BootstrapResult {
  readonly version: number;
  readonly address: string;
  readonly protocol: string;
}

/** What a lone shim is started for. */
export interface LoneShimOptions {
  readonly installation: Installation;
  /** The bundle's folder is below it, where containerd would have it. */
  readonly state: string;
  readonly namespace: string;
  readonly id: string;
  /** What the container runs, in a root file system that has busybox only. */
  readonly args: readonly string[];
  /** A ttrpc socket for the shim's events. */
  readonly events: string;
  /** @defaultValue runc's shim of the installation */
  readonly program?: string;
}

/** A shim, started as containerd starts it, but by nobody's daemon. */
export interface LoneShim {
  readonly bundle: string;
  readonly address: string;
  readonly version: number;
  /** Whoever has started it reads what it logs; to be destroyed. */
  readonly log: Socket;
}

/** Makes a bundle and starts a shim in it; and writes down where that listens, as containerd does. */
export async function startLoneShim(options: LoneShimOptions): Promise<LoneShim> {
  const { installation, namespace, id, events } = options;
  const program = options.program ?? findProgram('containerd-shim-runc-v2', installation.path)!;
  const bundle = await makeBundle(options);
  const log = readFifo(join(bundle, 'log'));
  const started = run(
    program,
    `-namespace ${namespace} -id ${id} -address /nowhere -publish-binary /bin/true start`.split(
      ' ',
    ),
    { cwd: bundle, env: { PATH: installation.path, TTRPC_ADDRESS: events }, timeout: 20_000 },
  );
  started.child.stdin?.end();
  const answer = (await started).stdout;
  if (answer.startsWith('unix:')) return { bundle, log, address: answer.trim(), version: 2 };
  const result = unpackAny(CATALOG, {
    type_url: 'containerd.runtime.bootstrap.v1.BootstrapResult',
    value: Buffer.from(answer),
  })?.message as BootstrapResult;
  await writeFile(join(bundle, 'bootstrap.json'), JSON.stringify(result));
  return { bundle, log, ...result };
}

async function makeBundle({ state, namespace, id, args }: LoneShimOptions): Promise<string> {
  const bundle = join(state, 'io.containerd.runtime.v2.task', namespace, id);
  await makeRoot(join(bundle, 'rootfs'));
  runOrThrow('runc', 'spec', '--bundle', bundle);
  const config = join(bundle, 'config.json');
  const spec = JSON.parse(await readFile(config, 'utf8')) as { process: object };
  Object.assign(spec.process, { args, terminal: false });
  await writeFile(config, JSON.stringify(spec));
  return bundle;
}

/** Makes a root file system that has a static busybox, and a shell. */
export async function makeRoot(folder: string): Promise<void> {
  await mkdir(join(folder, 'bin'), { recursive: true });
  for (const name of ['busybox', 'sh', 'sleep']) {
    await copyFile(findProgram('busybox')!, join(folder, 'bin', name));
  }
}

function readFifo(path: string): Socket {
  runOrThrow('mkfifo', path);
  // Open for both, so that it needs no writer now and has no end when one goes.
  const fd = openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
  return new Socket({ fd, readable: true, writable: false }).resume();
}

function runOrThrow(program: string, ...args: readonly string[]): void {
  const { status, stderr } = spawnSync(program, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${program} ${args.join(' ')}: ${stderr}`);
}
