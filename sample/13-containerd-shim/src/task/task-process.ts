import { readFileSync } from 'node:fs';
import { failed } from './failures.js';
import type { Exit, Foreground } from './foreground.js';
import type { Status, Streams } from './task-messages.js';

/** Who tells of a process. */
export interface ProcessHooks {
  started(pid: number): void;
  exited(pid: number, exit: Exit): void;
}

/** A process of a task. */
export class TaskProcess {
  /** 0 as long as there is none. */
  pid = 0;
  exit: Exit | undefined;
  /** Resolves when its end is known and told. */
  readonly exited: Promise<Exit>;
  /** The signal that has ended it before it ran. */
  killedBy: number | undefined;
  readonly streams: Streams;
  readonly #hooks: ProcessHooks;
  #foreground: Foreground | undefined;
  #starting: Promise<void> | undefined;
  #runs = false;
  #resolve!: (exit: Exit) => void;

  constructor({ stdin, stdout, stderr, terminal }: Streams, hooks: ProcessHooks) {
    this.streams = { stdin, stdout, stderr, terminal };
    this.#hooks = hooks;
    this.exited = new Promise((resolve) => (this.#resolve = resolve));
  }

  get status(): Status {
    if (this.exit !== undefined) return 'STOPPED';
    return this.#runs ? 'RUNNING' : 'CREATED';
  }

  /** Gives it its runc, whose end is its own. */
  attach(foreground: Foreground): void {
    this.#foreground = foreground;
    void foreground.ended.then(async (exit) => {
      // That it has started comes first, however soon it has ended.
      await this.#starting?.catch(() => undefined);
      this.#end(exit);
    });
  }

  /**
   * Waits until it runs.
   *
   * @param pidFile - where runc writes its process id then
   * @throws StatusError with what runc complains, when it ends before
   */
  async start(pidFile: string): Promise<void> {
    this.#starting ??= this.#start(pidFile);
    await this.#starting;
  }

  /** Nobody writes to it any more. */
  closeStdin(): void {
    this.#foreground?.closeStdin();
  }

  async #start(pidFile: string): Promise<void> {
    const foreground = this.#foreground;
    if (foreground === undefined || !(await foreground.writes(pidFile))) {
      throw failed(foreground?.complaint ?? 'there is no runc');
    }
    foreground.closeStdin();
    this.pid = Number(readFileSync(pidFile, 'utf8'));
    this.#runs = true;
    this.#hooks.started(this.pid);
  }

  #end({ status, at }: Exit): void {
    this.exit = { status: this.killedBy === undefined ? status : 128 + this.killedBy, at };
    this.#hooks.exited(this.pid, this.exit);
    this.#resolve(this.exit);
  }
}
