import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdirSync, rmSync, symlinkSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';

import { tapArguments } from './recorder/index.js';

const ROOT = resolve(import.meta.dirname, '../..');
const BUILD = join(import.meta.dirname, '.build');

/** The samples that need containerd. */
const SAMPLES = ['12-containerd-client', '13-containerd-shim', '14-nri-plugin'];

/** Where a sample is built. */
export function sampleFolder(name: string): string {
  return join(BUILD, 'sample', name);
}

/**
 * Builds the samples by the package as it is now, in a folder where nothing else is built.
 *
 * @throws Error with the compiler's words when one does not compile
 */
export function buildSamples(): void {
  rmSync(BUILD, { recursive: true, force: true });
  const installed = join(BUILD, 'sample/node_modules/nestjs-ttrpc');
  mkdirSync(installed, { recursive: true });
  symlinkSync(join(ROOT, 'node_modules'), join(BUILD, 'node_modules'));
  cpSync(join(ROOT, 'package.json'), join(installed, 'package.json'));
  run(join(ROOT, '.ci/build.mjs'), join(installed, 'dist'));
  for (const name of [...SAMPLES, 'containerd-proto']) {
    const withoutBuilt = (path: string): boolean => !/[/\\](dist|node_modules)$/.test(path);
    cpSync(join(ROOT, 'sample', name), sampleFolder(name), {
      recursive: true,
      filter: withoutBuilt,
    });
  }
  const compiler = join(ROOT, 'node_modules/typescript/bin/tsc');
  for (const name of SAMPLES) run(compiler, '-p', sampleFolder(name));
}

function run(program: string, ...args: readonly string[]): void {
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, ...args], {
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`${args.join(' ')} does not compile:\n${stdout}${stderr}`);
}

/** A program of a sample, as a process of its own. */
export class SampleProcess {
  readonly #process: ChildProcess;
  readonly #complaints: Promise<string>;
  readonly #lines: AsyncIterator<string>;

  /** @param program - the path of its file in `dist`, then its arguments */
  constructor(
    name: string,
    program: readonly string[],
    options: { readonly env: NodeJS.ProcessEnv; readonly transcript?: string },
  ) {
    const { env, transcript } = options;
    const tap = transcript === undefined ? [] : tapArguments(transcript);
    const child = spawn(process.execPath, [...tap, ...program], {
      cwd: sampleFolder(name),
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#process = child;
    this.#complaints = text(child.stderr);
    this.#lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  }

  /**
   * The next line that it prints.
   *
   * @throws Error with what it wrote to stderr, when it has ended
   */
  async line(): Promise<string> {
    const { value, done } = await this.#lines.next();
    if (done === true) throw new Error(`the sample has ended: ${await this.#complaints}`);
    return value;
  }

  /** Ends it as an operator does, and gives its exit code and what it wrote to stderr. */
  async stop(): Promise<{ code: number | null; complaints: string }> {
    const child = this.#process;
    child.kill('SIGTERM');
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    return { code: child.exitCode, complaints: await this.#complaints };
  }
}
