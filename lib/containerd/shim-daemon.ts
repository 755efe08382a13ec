import { spawn } from 'node:child_process';
import { closeSync, constants, openSync } from 'node:fs';

/** Which process is to become a shim's daemon. */
export interface ShimDaemonOptions {
  /** Arguments of this program, which has itself started again with them. */
  readonly args: readonly string[];
  /** The bundle: the daemon's working directory, whose FIFO `log` takes what it prints. */
  readonly bundle: string;
  /**
   * How long it may take until it listens, in milliseconds.
   * @defaultValue 60000
   */
  readonly timeoutMs?: number | undefined;
}

/** What a daemon tells who has started it. */
type Report = { readonly listens: true } | { readonly listens: false; readonly error: string };

const TIMEOUT_MS = 60_000;

/**
 * Starts this program again, in a session of its own and with nothing of this process's: containerd
 * reads what `start` prints until everybody who could print has closed it.
 *
 * @returns resolves when the daemon has called {@link reportListening}; it goes on alone from there
 * @throws Error with what the daemon said, when it has ended, or takes too long and is killed
 */
export async function startShimDaemon(options: ShimDaemonOptions): Promise<void> {
  const { args, bundle, timeoutMs = TIMEOUT_MS } = options;
  const program = [...process.execArgv, process.argv[1] as string, ...args];
  const log = openLog(bundle);
  const child = spawn(process.execPath, program, {
    cwd: bundle,
    detached: true,
    stdio: ['ignore', log ?? 'ignore', log ?? 'ignore', 'ipc'],
  });
  if (log !== undefined) closeSync(log);
  await new Promise<void>((resolve, reject) => {
    const fail = (reason: string): void => {
      clearTimeout(timer);
      child.kill('SIGKILL');
      reject(new Error(`the shim's daemon ${reason}`));
    };
    const timer = setTimeout(() => fail(`did not listen within ${timeoutMs} ms`), timeoutMs);
    child.once('error', (error) => fail(`could not be started: ${error.message}`));
    child.once('exit', (code, signal) => fail(`ended with ${signal ?? code}; its log says why`));
    child.once('message', (report: Report) => {
      if (!report.listens) return fail(`failed: ${report.error}`);
      clearTimeout(timer);
      resolve();
    });
  });
  // Its channel is closed by the daemon.
  child.unref();
}

/** Tells who has started this process that it listens, or why not. Once; does nothing elsewhere. */
export function reportListening(error?: unknown): void {
  if (process.send === undefined || !process.connected) return;
  const report: Report =
    error === undefined ? { listens: true } : { listens: false, error: messageOf(error) };
  process.send(report, () => {
    if (process.connected) process.disconnect();
  });
}

/**
 * The bundle's FIFO `log`, whose bytes reach containerd's stderr; `undefined` where nobody reads it,
 * for a writer would be ended by what it says, or wait for a reader.
 */
function openLog(bundle: string): number | undefined {
  try {
    return openSync(`${bundle}/log`, constants.O_WRONLY | constants.O_NONBLOCK);
  } catch {
    return undefined;
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
