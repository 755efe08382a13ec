import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';

import { EventLog } from './event-log.js';
import { outcome, type Options, type Outcome } from './outcome.js';
import { programOf, type Peer } from './peers.js';

/** A peer that serves. */
export class PeerServer {
  readonly log = new EventLog();
  readonly #process: ChildProcessWithoutNullStreams;
  readonly #exit: Promise<unknown>;
  /** What it wrote to stderr, to its end. */
  readonly complaints: Promise<string>;

  private constructor(peer: Peer, path: string) {
    this.#process = spawn(programOf(peer), ['serve', `unix://${path}`]);
    this.#exit = once(this.#process, 'close');
    this.complaints = text(this.#process.stderr);
    createInterface(this.#process.stdout).on('line', (line) => this.log.say(line));
  }

  /** Resolves when it listens. */
  static async start(peer: Peer, path: string): Promise<PeerServer> {
    const server = new PeerServer(peer, path);
    const failed = server.#exit.then(async () => {
      throw new Error(`${peer.name} does not serve: ${await server.complaints}`);
    });
    await Promise.race([server.log.until('ready'), failed]);
    failed.catch(() => undefined);
    return server;
  }

  get alive(): boolean {
    return this.#process.exitCode === null && this.#process.signalCode === null;
  }

  /** Resolves when it has died of itself. */
  async died(): Promise<void> {
    await this.#exit;
  }

  async kill(): Promise<void> {
    this.#process.kill('SIGKILL');
    await this.#exit;
  }

  /** Ends its stdin, so that it ends. */
  async stop(): Promise<void> {
    this.#process.stdin.end();
    await this.#exit;
  }
}

/** A peer that calls. */
export class PeerClient {
  readonly #process: ChildProcessWithoutNullStreams;
  /** Rejects with what it wrote to stderr when it did not get to its end. */
  readonly outcome: Promise<Outcome>;

  constructor(peer: Peer, path: string, scenario: string, options: Options) {
    const args = ['call', `unix://${path}`, scenario, JSON.stringify(options)];
    // What hangs longer than this is no peer but a failure.
    this.#process = spawn(programOf(peer), args, { timeout: 30_000 });
    this.outcome = this.#read(`${peer.name} ${args.join(' ').slice(0, 200)}`);
  }

  async kill(): Promise<void> {
    this.outcome.catch(() => undefined);
    this.#process.kill('SIGKILL');
    await once(this.#process, 'close');
  }

  async #read(what: string): Promise<Outcome> {
    const { stdout, stderr } = this.#process;
    const [said, complaints, [code, signal]] = await Promise.all([
      text(stdout),
      text(stderr),
      once(this.#process, 'close') as Promise<[number | null, string | null]>,
    ]);
    if (code !== 0) throw new Error(`${what} ended with ${code ?? signal}: ${complaints}`);
    return outcome(JSON.parse(said) as Partial<Outcome>);
  }
}
