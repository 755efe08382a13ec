import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { mkdtemp, readdir, rm, rmdir, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { promisify } from 'node:util';

import { findProgram, type Installation } from './programs.js';

const run = promisify(execFile);

/** How often to look again for what takes a moment, in milliseconds. */
const LOOK_MS = 20;

/** Time for the daemon to start and for a task to go, in milliseconds. */
const PATIENCE_MS = 20_000;

/** How ctr has ended. */
export interface Outcome {
  /** That of the container's process, if it ran in the foreground. */
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A containerd of a test's own, with everything that it writes in one folder. */
export class Daemon {
  /** containerd's namespace: one of this daemon only, since runc keeps its state beside all others'. */
  readonly namespace: string;
  readonly folder: string;
  readonly #installation: Installation;
  #process: ChildProcess | undefined;

  private constructor(installation: Installation, folder: string) {
    this.#installation = installation;
    this.folder = folder;
    this.namespace = `test-${folder.slice(-6)}`;
  }

  /** @param config - lines of config.toml behind the usual */
  static async start(installation: Installation, config = CRI_OFF): Promise<Daemon> {
    // Paths of sockets are short.
    const daemon = new Daemon(installation, await mkdtemp('/tmp/ctd-'));
    await writeFile(join(daemon.folder, 'config.toml'), daemon.#config(config));
    await daemon.boot();
    return daemon;
  }

  /** The gRPC socket; its ttrpc socket has `.ttrpc` behind that. */
  get address(): string {
    return join(this.folder, 'c.sock');
  }

  get state(): string {
    return join(this.folder, 'state');
  }

  /** What the daemon has said. */
  get log(): string {
    return readFileSync(join(this.folder, 'log'), 'utf8');
  }

  /** Starts it, again too. */
  async boot(): Promise<void> {
    const { path } = this.#installation;
    const log = openSync(join(this.folder, 'log'), 'a');
    const program = findProgram('containerd', path)!;
    this.#process = spawn(program, ['--config', join(this.folder, 'config.toml')], {
      env: { ...process.env, PATH: path },
      stdio: ['ignore', log, log],
    });
    closeSync(log);
    await until(`containerd listens; it said: ${this.log}`, () => this.#listens());
  }

  /** Ends the daemon alone: its shims and their tasks stay. */
  async halt(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    const child = this.#process!;
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill(signal);
    await once(child, 'exit');
  }

  /** Runs ctr and gives what it prints. */
  async ctr(...args: readonly string[]): Promise<string> {
    const { stdout } = await run(findProgram('ctr', this.#installation.path)!, this.#args(args), {
      env: { ...process.env, PATH: this.#installation.path },
      timeout: PATIENCE_MS,
    });
    return stdout;
  }

  /** Runs ctr with something to read, whatever comes of it; many at once take their time. */
  async tryCtr(args: readonly string[], stdin = ''): Promise<Outcome> {
    const { path } = this.#installation;
    const running = run(findProgram('ctr', path)!, this.#args(args), {
      env: { ...process.env, PATH: path },
      timeout: 6 * PATIENCE_MS,
    });
    running.child.stdin?.end(stdin);
    const settled = running.then((outcome) => ({ code: 0, ...outcome }));
    return settled.catch((error: unknown) => error as Outcome);
  }

  /** Runs ctr until `end` is called, and gives it what ctr prints meanwhile. */
  watch(...args: readonly string[]): ChildProcess {
    return spawn(findProgram('ctr', this.#installation.path)!, this.#args(args), {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
  }

  /** Ends its tasks, itself, and takes its folder away. */
  async stop(): Promise<void> {
    try {
      for (const id of words(await this.ctr('tasks', 'list', '--quiet'))) {
        await this.ctr('tasks', 'delete', '--force', id);
      }
      await until('its bundles are gone', async () => (await this.#bundles()).length === 0);
      await removeRuncState(this.namespace);
    } finally {
      await this.halt();
      await rm(this.folder, { recursive: true });
    }
  }

  #args(args: readonly string[]): string[] {
    return ['--address', this.address, '--namespace', this.namespace, ...args];
  }

  async #bundles(): Promise<string[]> {
    const folder = join(this.state, 'io.containerd.runtime.v2.task', this.namespace);
    return readdir(folder).catch(() => []);
  }

  #config(more: string): string {
    return `version = 2
root = "${this.folder}/root"
state = "${this.folder}/state"
${more}
[grpc]
address = "${this.address}"
[ttrpc]
address = "${this.address}.ttrpc"
`;
  }

  #listens(): Promise<boolean> {
    return new Promise((resolve, reject) => {
      const { exitCode } = this.#process!;
      if (exitCode !== null) reject(new Error(`containerd ended with ${exitCode}: ${this.log}`));
      const socket = connect(`${this.address}.ttrpc`);
      socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
      socket.once('connect', () => socket.destroy());
    });
  }
}

const CRI_OFF = 'disabled_plugins = ["io.containerd.grpc.v1.cri"]';

/**
 * Looks until something is so.
 *
 * @throws Error that says what was not so in time
 */
export async function until(what: string, isSo: () => boolean | Promise<boolean>): Promise<void> {
  const end = performance.now() + PATIENCE_MS;
  while (!(await isSo())) {
    if (performance.now() > end) throw new Error(`not within ${PATIENCE_MS / 1000} s: ${what}`);
    await setTimeout(LOOK_MS);
  }
}

/**
 * Takes away the folder in which runc keeps what it knows of a namespace's containers.
 *
 * @throws Error of the file system when there are containers left
 */
export async function removeRuncState(namespace: string): Promise<void> {
  try {
    await rmdir(join('/run/containerd/runc', namespace));
  } catch (error) {
    // None of its shims was runc's.
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}

/** Whether a process has ended; where nobody reaps it, it is a zombie from then on. */
export function isGone(pid: number): boolean {
  try {
    return / Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return true;
  }
}

function words(text: string): string[] {
  return text.split(/\s+/).filter((word) => word !== '');
}
