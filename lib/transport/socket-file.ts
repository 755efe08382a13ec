import { lstatSync, renameSync, unlinkSync } from 'node:fs';
import { dial } from './dial.js';
import { errorCode } from './system-error.js';

/** How long somebody who listens on a socket may take to accept, in ms; the kernel does it at once. */
const PROBE_TIMEOUT_MS = 2000;

/**
 * Which file a path names now: equal for the same file only, also after it was renamed. The number of
 * one that is gone may be the next one's; its time is not.
 *
 * @returns `undefined` when there is none, or it cannot be seen
 */
export function fileIdentity(path: string): string | undefined {
  try {
    const { dev, ino, mtimeNs } = lstatSync(path, { bigint: true });
    return `${dev}:${ino}:${mtimeNs}`;
  } catch {
    return undefined;
  }
}

/**
 * Closes the handle of a unix socket without removing somebody else's file.
 *
 * libuv unlinks the path that it has bound whatever is there by then, before it closes the
 * descriptor. If another file has taken the place (a second server that replaced ours), it steps
 * aside under another name meanwhile; all in one synchronous piece.
 *
 * @param path - the bound path
 * @param identity - {@link fileIdentity} of the path after it was bound
 * @param closeHandle - closes synchronously
 */
export function keepForeignFile(
  path: string,
  identity: string | undefined,
  closeHandle: () => void,
): void {
  const now = fileIdentity(path);
  if (now === undefined || now === identity) {
    closeHandle();
    return;
  }
  const aside = `${path}.${process.pid}.aside`;
  const moved = attempt(() => renameSync(path, aside));
  closeHandle();
  if (moved) attempt(() => renameSync(aside, path));
}

/**
 * Removes the file of a unix socket that nobody accepts on; does nothing when it is gone by itself.
 *
 * @param path - where a bind has just failed
 * @param inUse - that failure
 * @throws Error that says what is in the way, with the failure as its `cause`
 */
export async function removeStaleSocket(path: string, inUse: unknown): Promise<void> {
  const found = fileIdentity(path);
  if (found === undefined) return;
  if (!lstatSync(path).isSocket()) {
    throw inTheWay('a file that is not a socket is in the way; it was left alone', inUse);
  }
  await expectNobody(path, inUse);
  // Another server may have started meanwhile, and this is its socket.
  if (fileIdentity(path) === found) unlinkSync(path);
}

async function expectNobody(path: string, inUse: unknown): Promise<void> {
  try {
    const socket = await dial({ kind: 'unix', path }, { timeoutMs: PROBE_TIMEOUT_MS });
    socket.destroy();
  } catch (error) {
    const code = errorCode(error instanceof Error ? error.cause : undefined);
    if (code === 'ECONNREFUSED' || code === 'ENOENT') return;
    throw inTheWay(
      `the socket exists, and whether a server uses it cannot be told (${code})`,
      inUse,
    );
  }
  throw inTheWay('EADDRINUSE, another server accepts connections on it', inUse);
}

function inTheWay(problem: string, cause: unknown): Error {
  return new Error(problem, { cause });
}

function attempt(action: () => void): boolean {
  try {
    action();
    return true;
  } catch {
    return false;
  }
}
