import { runOnHost } from './host.js';

/** What runc says of a container or process that has gone. */
const GONE = /does not exist|not running|already finished|no such process/;

/** runc's commands. */
export class Runc {
  readonly #root: string;

  /** Each of containerd's namespaces has its containers where containerd's own shim has them, too. */
  constructor(namespace: string) {
    this.#root = `--root=/run/containerd/runc/${namespace}`;
  }

  /** The arguments of a runc that stays, for `spawn`. */
  foreground(log: string, ...args: string[]): string[] {
    return [this.#root, `--log=${log}`, '--log-format=json', ...args];
  }

  /** Runs a command to its end, and gives what it prints. */
  run(...args: string[]): Promise<string> {
    return runOnHost('runc', this.#root, ...args);
  }

  /** Kills a container and takes it away; one that has gone already is no failure. */
  async remove(id: string): Promise<void> {
    try {
      await this.run('delete', '--force', id);
    } catch (error) {
      if (!isGone(error)) throw error;
    }
  }
}

/** Whether runc was asked for a process or container that has gone. */
export function isGone(error: unknown): boolean {
  return error instanceof Error && GONE.test(error.message);
}
