import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, readFileSync, renameSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';

const MODULE = join(import.meta.dirname, 'go-nri');

/** Where the program is built; another source has another name. */
const PROGRAM = join(
  process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'),
  'nestjs-ttrpc',
  `nri-peer-${digest('main.go', 'go.mod', 'go.sum')}`,
);

function digest(...files: readonly string[]): string {
  const hash = createHash('sha256');
  for (const file of files) hash.update(readFileSync(join(MODULE, file)));
  return hash.digest('hex').slice(0, 16);
}

/**
 * Builds the peer, if it is not there yet: half a minute once.
 *
 * @throws Error with the compiler's words when it fails
 */
export function buildNriPeer(): void {
  if (spawnSync('test', ['-x', PROGRAM]).status === 0) return;
  mkdirSync(join(PROGRAM, '..'), { recursive: true });
  const half = `${PROGRAM}.${process.pid}`;
  const args = ['build', '-buildvcs=false', '-tags=nri_no_wasm', '-o', half, '.'];
  const { status, stderr } = spawnSync('go', args, { cwd: MODULE, encoding: 'utf8' });
  if (status !== 0) throw new Error(`go-nri does not build:\n${stderr}`);
  renameSync(half, PROGRAM);
}

/** What the peer tells; see `go-nri/main.go`. */
export type Told = Readonly<Record<string, unknown>>;

/** The Go library's side of NRI, or its multiplexer alone. */
export class NriPeer {
  readonly #process: ChildProcess;
  readonly #log: Promise<string>;
  readonly #told: AsyncIterator<string>;
  /** Told, and not asked for so far. */
  readonly #kept: Told[] = [];

  constructor(...args: readonly string[]) {
    const child = spawn(PROGRAM, args, { stdio: ['pipe', 'pipe', 'pipe'] });
    this.#process = child;
    this.#log = text(child.stderr);
    this.#told = createInterface(child.stdout)[Symbol.asyncIterator]();
  }

  /**
   * The next thing that it tells with this key, whatever else it tells meanwhile.
   *
   * @throws Error with its log when it has ended
   */
  async next(key: string): Promise<Told> {
    for (;;) {
      const at = this.#kept.findIndex((told) => key in told);
      if (at >= 0) return this.#kept.splice(at, 1)[0] as Told;
      const { value, done } = await this.#told.next();
      if (done === true) throw new Error(`the peer has ended: ${await this.#log}`);
      this.#kept.push(JSON.parse(value) as Told);
    }
  }

  /** Has it do something, and gives what came of it. */
  do(what: string, options: object = {}): Promise<Told> {
    this.#process.stdin?.write(`${JSON.stringify({ do: what, ...options })}\n`);
    return this.next('did');
  }

  async stop(): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    this.#process.kill();
    await once(this.#process, 'exit');
  }
}
