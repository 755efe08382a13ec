import { chmodSync, chownSync, lstatSync, readlinkSync, realpathSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';

/** Whom a unix socket's file belongs to; what is absent stays as the system has it. */
export interface SocketOwner {
  /** User id; another than the process's own takes root. */
  readonly uid?: number | undefined;
  /** Group id; one that the process isn't in takes root. */
  readonly gid?: number | undefined;
}

/** Who may use a unix socket's file. */
export interface SocketRights {
  /** File mode, such as `0o600`; `undefined` leaves it to the umask. */
  readonly mode?: number | undefined;
  /** Whom the file belongs to; `undefined`: the process. */
  readonly owner?: SocketOwner | undefined;
}

/** Write access for others, which connecting takes; and what keeps files in a folder from others. */
const OTHERS_WRITE = 0o002;
const STICKY = 0o1000;
/** What leaves an id as it is. */
const UNCHANGED = -1;

/** @throws Error of the system: EPERM when the owner can't be changed */
export function setRights(path: string, { mode, owner }: SocketRights): void {
  if (mode !== undefined) chmodSync(path, mode);
  if (owner !== undefined) chownSync(path, owner.uid ?? UNCHANGED, owner.gid ?? UNCHANGED);
}

/**
 * Refuses a folder in which others could put a socket of their own in the place of one that is not
 * for them: what the clients then say, they would say to them. Every folder on the way counts, those
 * of links on it, too.
 *
 * Asked only for a mode that keeps others out; without one nobody has said that the socket is private.
 *
 * @throws Error whose message is a clause that names the folder
 */
export function refuseOpenFolder(path: string, { mode }: SocketRights): void {
  if (mode === undefined || (mode & OTHERS_WRITE) !== 0) return;
  const folders = new Set<string>();
  // Where it is; that is also the place of what `..` behind a link means.
  addFolders(realpathSync.native(dirname(path)), folders);
  addFolders(resolve(dirname(path)), folders);
  for (const folder of folders) {
    const rights = statSync(folder, { throwIfNoEntry: false })?.mode ?? 0;
    if ((rights & OTHERS_WRITE) === 0 || (rights & STICKY) !== 0) continue;
    const octal = (rights & 0o7777).toString(8);
    throw new Error(
      `socketMode keeps others out, but everybody may replace what is in ${folder} (mode ${octal}); ` +
        'take a folder that only its owner may write, or leave socketMode away',
    );
  }
}

/** Adds a folder, those above it, and where it leads if it is a link. */
function addFolders(folder: string, folders: Set<string>): void {
  if (folders.has(folder)) return;
  folders.add(folder);
  if (lstatSync(folder, { throwIfNoEntry: false })?.isSymbolicLink() === true) {
    addFolders(resolve(realpathSync.native(dirname(folder)), readlinkSync(folder)), folders);
  }
  addFolders(dirname(folder), folders);
}
