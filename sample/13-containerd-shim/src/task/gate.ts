import { closeSync, constants, openSync, readFileSync, writeSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { runOnHost } from './host.js';

/** What is read of config.json, and written. */
interface Config {
  hooks?: { createRuntime?: object[] };
}

/**
 * The hook that runc runs when the container is made and nothing of it runs yet: it writes down what
 * runc says of the container, and waits for a word. The end of the shim is none.
 */
const HOOK = [
  'exec 3<"$1/gate"',
  'cat >"$1/made"',
  'mv "$1/made" "$1/made.json"',
  'read -r word <&3',
  '[ "$word" = go ]',
].join(' && ');

const PATH = 'PATH=/usr/sbin:/usr/bin:/sbin:/bin';

/**
 * Stops `runc run` between making a container and running it.
 *
 * containerd creates a task first, so that its network can be made, and starts it later. `runc
 * create` does the same, but leaves the process to PID 1: only `runc run` tells how it has ended.
 */
export class Gate {
  readonly #bundle: string;
  #fd: number | undefined;

  private constructor(bundle: string, fd: number) {
    this.#bundle = bundle;
    this.#fd = fd;
  }

  /** Puts the gate into a bundle's config.json. */
  static async build(bundle: string): Promise<Gate> {
    const file = `${bundle}/config.json`;
    const config = JSON.parse(await readFile(file, 'utf8')) as Config;
    const hook = { path: '/bin/sh', args: ['sh', '-c', HOOK, 'gate', bundle], env: [PATH] };
    const hooks = config.hooks ?? {};
    hooks.createRuntime = [hook, ...(hooks.createRuntime ?? [])];
    await writeFile(file, JSON.stringify({ ...config, hooks }));
    await runOnHost('mkfifo', '-m', '600', `${bundle}/gate`);
    // For both: so it waits for nobody, and is the only one who could write.
    return new Gate(bundle, openSync(`${bundle}/gate`, constants.O_RDWR));
  }

  /** Where runc is known to have made the container. */
  get made(): string {
    return `${this.#bundle}/made.json`;
  }

  /** Lets the container run. */
  open(): void {
    this.#say('go');
  }

  /** Never lets it run: runc takes it away. */
  refuse(): void {
    this.#say('no');
  }

  #say(word: string): void {
    if (this.#fd === undefined) return;
    writeSync(this.#fd, `${word}\n`);
    closeSync(this.#fd);
    this.#fd = undefined;
  }
}

/** The process id of a bundle's container; 0 if there was none. */
export function initPid(bundle: string): number {
  try {
    const { pid } = JSON.parse(readFileSync(`${bundle}/made.json`, 'utf8')) as { pid: number };
    return pid;
  } catch {
    return 0;
  }
}
