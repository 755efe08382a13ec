import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';

import {
  FIRST,
  READY,
  SETTLE,
  USAGE,
  type Job,
  type Sample,
  type Settled,
  type Usage,
} from './protocol.js';

/** How to start a process. */
export interface Command {
  readonly program: string;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** A job takes its time and a little more; what takes longer than this hangs. */
const LONGEST_ANSWER_MS = 60_000;

/** A process that is measured, or measures. It answers one line at a time. */
export class Child {
  readonly #process: ChildProcessWithoutNullStreams;
  readonly #lines: AsyncIterator<string>;
  readonly #complaints: Promise<string>;
  readonly #gone: Promise<unknown>;

  private constructor({ program, args, cwd, env }: Command) {
    this.#process = spawn(program, args, { cwd, env: { ...process.env, ...env } });
    this.#gone = once(this.#process, 'close');
    this.#gone.catch(() => undefined);
    this.#process.stdin.on('error', () => undefined);
    this.#complaints = text(this.#process.stderr);
    this.#lines = createInterface(this.#process.stdout)[Symbol.asyncIterator]();
  }

  /** Resolves when it is ready. */
  static async start(command: Command): Promise<Child> {
    const child = new Child(command);
    const line = await child.#line();
    if (line !== READY) throw new Error(`${command.args.join(' ')} said ${line}`);
    return child;
  }

  async usage(): Promise<Usage> {
    return JSON.parse(await this.#ask(USAGE)) as Usage;
  }

  async settle(): Promise<Settled> {
    return JSON.parse(await this.#ask(SETTLE)) as Settled;
  }

  /** Lets a driver connect anew and make a call. */
  async first(): Promise<void> {
    await this.#ask(FIRST);
  }

  async drive(job: Job): Promise<Sample> {
    return JSON.parse(await this.#ask(JSON.stringify(job))) as Sample;
  }

  /** Sends it to sleep, or ends it, at once. */
  signal(signal: 'SIGSTOP' | 'SIGKILL'): void {
    this.#process.kill(signal);
  }

  async stop(): Promise<void> {
    this.#process.stdin.end();
    const timer = setTimeout(() => this.#process.kill('SIGKILL'), 2000);
    await this.#gone.catch(() => undefined);
    clearTimeout(timer);
  }

  #ask(line: string): Promise<string> {
    this.#process.stdin.write(`${line}\n`);
    return this.#line();
  }

  async #line(): Promise<string> {
    const timer = setTimeout(() => this.#process.kill('SIGKILL'), LONGEST_ANSWER_MS);
    try {
      const { value, done } = await this.#lines.next();
      if (done !== true) return value;
      const said = (await this.#complaints).trim();
      throw new Error(said === '' ? `it ended, or took over ${LONGEST_ANSWER_MS} ms` : said);
    } finally {
      clearTimeout(timer);
    }
  }
}
