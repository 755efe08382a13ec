import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { TaskStdio, type TaskStdioPaths } from 'nestjs-ttrpc/containerd';

/** How a process has ended. */
export interface Exit {
  /** Its exit code, or 128 and the signal that has ended it. */
  readonly status: number;
  readonly at: Date;
}

/** How often to look for a file of runc's, in milliseconds: a container is made in some 50. */
const LOOK_MS = 5;

/** No signal, but that of a runc that was killed. */
const KILLED = 128 + 9;

/** What shells say of a program that there is not. */
const NOT_FOUND = 127;

/** A runc that stays for as long as its process: Node can't wait for what is no child of its own. */
export class Foreground {
  readonly ended: Promise<Exit>;
  readonly #stdio: TaskStdio;
  readonly #log: string;
  #hasEnded = false;
  /** Why there is no runc. */
  #failure: string | undefined;

  /** @param log - runc's log file, among the arguments too */
  constructor(args: readonly string[], streams: TaskStdioPaths, log: string) {
    this.#log = log;
    this.#stdio = new TaskStdio(streams);
    const child = spawn('runc', args, { stdio: this.#stdio.targets });
    this.#stdio.release();
    this.ended = new Promise((resolve) => {
      const end = (code: number | null): void => {
        this.#hasEnded = true;
        this.#stdio.close();
        resolve({ status: code ?? KILLED, at: new Date() });
      };
      child.once('exit', end);
      child.once('error', (error) => {
        this.#failure = error.message;
        end(NOT_FOUND);
      });
    });
  }

  /** Whether runc writes this file before it ends. */
  async writes(path: string): Promise<boolean> {
    while (!existsSync(path)) {
      if (this.#hasEnded) return existsSync(path);
      await setTimeout(LOOK_MS);
    }
    return true;
  }

  /** What runc has last complained of, or the system of runc. */
  get complaint(): string {
    if (this.#failure !== undefined) return this.#failure;
    try {
      const lines = readFileSync(this.#log, 'utf8').trim().split('\n');
      return (JSON.parse(lines.at(-1) ?? '') as { msg: string }).msg;
    } catch {
      return 'runc has failed, and does not say why';
    }
  }

  closeStdin(): void {
    this.#stdio.closeStdin();
  }
}
