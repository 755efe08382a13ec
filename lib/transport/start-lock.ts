import { readlinkSync, symlinkSync, unlinkSync } from 'node:fs';
import { errorCode } from './system-error.js';

const POLL_MS = 5;

/** How long one who is alive, but does not go on, is waited for. */
const MAX_WAIT_MS = 5000;

/**
 * Does `work` while no other process does any for the same path. The lock is a link beside it, which
 * names its holder; that of a process which has died is taken over. Where none can be made, the work
 * is done without it.
 */
export async function whileAlone<T>(path: string, work: () => Promise<T>): Promise<T> {
  const lock = `${path}.lock`;
  const locked = await acquire(lock);
  try {
    return await work();
  } finally {
    if (locked) release(lock);
  }
}

async function acquire(lock: string): Promise<boolean> {
  for (let waitedMs = 0; waitedMs < MAX_WAIT_MS; waitedMs += POLL_MS) {
    try {
      symlinkSync(String(process.pid), lock);
      return true;
    } catch (error) {
      if (errorCode(error) !== 'EEXIST') return false;
    }
    if (isAbandoned(lock)) release(lock);
    else await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
  return false;
}

function isAbandoned(lock: string): boolean {
  try {
    process.kill(Number(readlinkSync(lock)), 0);
    return false;
  } catch (error) {
    return errorCode(error) === 'ESRCH';
  }
}

function release(lock: string): void {
  try {
    unlinkSync(lock);
  } catch {
    // Somebody else was faster.
  }
}
