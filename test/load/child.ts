import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';

/** How to start a process. */
export interface Command {
  readonly program: string;
  readonly args: readonly string[];
}

/** A process of a study. It answers one line at a time, see host.ts. */
export class Child {
  readonly #process: ChildProcessWithoutNullStreams;
  readonly #lines: AsyncIterator<string>;
  readonly #complaints: Promise<string>;
  readonly #gone: Promise<unknown>;
  #killed = false;

  private constructor({ program, args }: Command) {
    this.#process = spawn(program, args);
    this.#gone = once(this.#process, 'close');
    this.#gone.catch(() => undefined);
    this.#process.stdin.on('error', () => undefined);
    this.#complaints = text(this.#process.stderr);
    this.#lines = createInterface(this.#process.stdout)[Symbol.asyncIterator]();
  }

  /** Resolves when it is ready. */
  static async start(command: Command): Promise<Child> {
    const child = new Child(command);
    const said = await child.#line();
    if (said !== 'ready') throw new Error(`${command.args.join(' ')} said ${String(said)}`);
    return child;
  }

  get pid(): number {
    return this.#process.pid ?? 0;
  }

  /** @throws Error with what it wrote to stderr, when it ends instead of answering */
  async ask<Answer>(order: object): Promise<Answer> {
    this.#process.stdin.write(`${JSON.stringify(order)}\n`);
    return (await this.#line()) as Answer;
  }

  /** @throws Error with what it wrote to stderr, when it has ended by itself */
  async check(): Promise<void> {
    if (this.#process.exitCode === null && this.#process.signalCode === null) return;
    throw await this.#failure();
  }

  signal(signal: 'SIGSTOP' | 'SIGCONT'): void {
    this.#process.kill(signal);
  }

  /** Kills it, whatever it is at. */
  async kill(): Promise<void> {
    this.#killed = true;
    this.#process.kill('SIGKILL');
    await this.#gone;
  }

  /**
   * Ends its stdin, so that it ends.
   *
   * @throws Error when it has said something on stderr, or ended badly
   */
  async stop(): Promise<void> {
    if (this.#killed) return;
    this.#process.stdin.end();
    await this.#gone;
    const { exitCode, signalCode } = this.#process;
    const said = (await this.#complaints).trim();
    if (exitCode !== 0 || said !== '') {
      throw new Error(`process ended with ${signalCode ?? exitCode}: ${said}`);
    }
  }

  async #line(): Promise<unknown> {
    const { value, done } = await this.#lines.next();
    if (done !== true) return JSON.parse(value) as unknown;
    throw await this.#failure();
  }

  async #failure(): Promise<Error> {
    return new Error(`process ended by itself: ${(await this.#complaints).trim()}`);
  }
}
