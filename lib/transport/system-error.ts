import { ConnectionError } from '../errors.js';

/** The system's codes that users of a socket meet, in plain words. */
const MEANING: ReadonlyMap<string, string> = new Map(
  Object.entries({
    EACCES: 'permission denied',
    EADDRINUSE: 'the address is in use',
    EADDRNOTAVAIL: 'this machine has no such address',
    EAGAIN: 'the server has too many connections waiting to be accepted',
    EAI_AGAIN: 'the name server does not answer',
    EBADF: 'no such file descriptor',
    ECONNREFUSED: 'nobody accepts connections there (is the server running?)',
    ECONNRESET: 'the peer closed the connection at once',
    EHOSTUNREACH: 'no route to the host',
    EINVAL: 'the system does not accept the address',
    EMFILE: 'this process has too many open files',
    ENETUNREACH: 'no route to the network',
    ENFILE: 'the system has too many open files',
    ENOENT: 'no such file (is the server running?)',
    ENOSPC: 'the file system is full',
    ENOTDIR: 'a part of the path is not a folder',
    ENOTFOUND: 'no such host',
    ENOTSOCK: 'it is not a socket',
    EPERM: 'operation not permitted',
    EPROTOTYPE: 'the socket is of another type',
    EROFS: 'the file system is read-only',
    ERR_INVALID_FD_TYPE: 'the descriptor is not a socket',
    ETIMEDOUT: 'no answer in time',
  }),
);

/** The `code` of a system or Node error, such as `ECONNREFUSED`. */
export function errorCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}

/** An error in a clause: its code first, for searching, then what it means. */
export function explain(error: unknown): string {
  const code = errorCode(error);
  const text = error instanceof Error ? error.message : String(error);
  if (code === undefined) return text;
  return `${code}, ${MEANING.get(code) ?? text}`;
}

/**
 * The error for an address that could not be reached or listened on.
 *
 * @param attempt - `cannot connect to` or `cannot listen on`
 * @param address - as formatted
 * @param problem - a clause; goes behind the address
 * @param cause - what was thrown below
 */
export function unreachable(
  attempt: string,
  address: string,
  problem: string,
  cause?: unknown,
): ConnectionError {
  return new ConnectionError(`${attempt} ${address}: ${problem}`, {
    reason: 'dial',
    address,
    cause,
  });
}
