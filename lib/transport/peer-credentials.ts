import { createRequire } from 'node:module';
import type { Duplex } from 'node:stream';
import { HandshakeError } from '../errors.js';
import type { Handshake } from './handshake.js';

/** Who was at the other end of a unix socket when it connected, as the kernel says. */
export interface PeerCredentials {
  /** Process id; 0 when the process is in a pid namespace that this one can't see. */
  readonly pid: number;
  /** Effective user id. */
  readonly uid: number;
  /** Effective group id; supplementary groups don't show. */
  readonly gid: number;
}

/** Which peers may connect. */
export type PeerRule =
  /** Those whose effective user and group are those of this process. */
  | 'same-user'
  /** Those with this user, this group, or both. */
  | {
      /** User id. */
      readonly uid?: number;
      /** Group id. */
      readonly gid?: number;
    }
  /** Those for which it gives true. */
  | ((credentials: PeerCredentials) => boolean | PromiseLike<boolean>);

/** A handshake that leaves the peer's credentials as `call.peer.attachment`. */
export type CredentialsHandshake = (...args: Parameters<Handshake>) => Promise<PeerCredentials>;

/** Reads SO_PEERCRED of a descriptor. */
type Reader = (fd: number) => PeerCredentials;

/** What is used of koffi. */
interface Koffi {
  load(library: null): { func(prototype: string): (...args: readonly unknown[]) => number };
}

/** `struct ucred`: pid, uid and gid of 32 bits; unix(7). */
const UCRED_LENGTH = 12;
/** Numbers of Linux' `asm-generic/socket.h`; other processors than these may have others. */
const SOL_SOCKET = 1;
const SO_PEERCRED = 17;
const PROCESSORS: readonly string[] = ['x64', 'arm64'];
/** What a socket without credentials has, such as one of TCP. */
const NO_USER = 0xffff_ffff;
const MAX_ID = 0xffff_fffe;

/**
 * Makes a handshake for a server's option `handshake` that lets only certain processes connect to
 * its unix sockets, by SO_PEERCRED; any other connection is refused. Linux on x64 and arm64 only;
 * needs the package `koffi`, which is loaded here and not before.
 *
 * @returns the handshake; it gives {@link PeerCredentials}, which handlers find as
 * `call.peer.attachment`
 * @throws Error when credentials can't be read here: another system, or no koffi
 * @throws TypeError or RangeError when the rule is none
 *
 * @example
 * ```ts
 * const server = new TtrpcServer({ handshake: requirePeer('same-user') });
 * ```
 */
export function requirePeer(rule: PeerRule): CredentialsHandshake {
  const read = credentialsReader();
  const allows = predicateOf(rule);
  return async (socket) => {
    const credentials = read(descriptorOf(socket));
    if (credentials.uid === NO_USER) throw new HandshakeError(NOT_UNIX);
    if ((await allows(credentials)) === true) return credentials;
    const { pid, uid, gid } = credentials;
    throw new HandshakeError(
      `the process ${pid} of user ${uid} and group ${gid} may not connect, as requirePeer says`,
    );
  };
}

const NOT_UNIX = 'the peer of a socket that is no unix socket has no credentials';

/**
 * What reads credentials here.
 *
 * @param system - the running one; another for the tests
 */
export function credentialsReader(
  system: { platform: string; arch: string; readonly load: (name: string) => unknown } = {
    platform: process.platform,
    arch: process.arch,
    load: createRequire(import.meta.url),
  },
): Reader {
  const { platform, arch } = system;
  if (platform !== 'linux' || !PROCESSORS.includes(arch)) {
    throw new Error(
      `requirePeer needs Linux on ${PROCESSORS.join(' or ')}, this is ${platform} on ${arch}; ` +
        'keep others out by socketMode instead',
    );
  }
  const getsockopt = bindGetsockopt(system.load);
  return (fd) => {
    const ucred = Buffer.alloc(UCRED_LENGTH);
    const length = Buffer.alloc(4);
    new Uint32Array(length.buffer, length.byteOffset, 1)[0] = UCRED_LENGTH;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, ucred, length) !== 0) {
      throw new HandshakeError('the system does not give the credentials of the peer');
    }
    // Both processors are little-endian.
    return { pid: ucred.readInt32LE(0), uid: ucred.readUInt32LE(4), gid: ucred.readUInt32LE(8) };
  };
}

function bindGetsockopt(load: (name: string) => unknown): (...args: readonly unknown[]) => number {
  try {
    const koffi = load('koffi') as Koffi;
    return koffi
      .load(null)
      .func('int getsockopt(int, int, int, _Out_ uint8_t *, _Inout_ uint8_t *)');
  } catch (cause) {
    const why = cause instanceof Error ? cause.message.split('\n')[0] : String(cause);
    throw new Error(
      `requirePeer needs the package koffi, version 3 (npm install koffi), which can't be loaded: ${why}`,
      { cause },
    );
  }
}

/** Node has no public way to a socket's descriptor. */
function descriptorOf(socket: Duplex): number {
  const { _handle: handle } = socket as { _handle?: { fd?: unknown } | null };
  const fd = handle?.fd;
  if (typeof fd === 'number' && fd >= 0) return fd;
  throw new HandshakeError('the peer of a stream that is no socket has no credentials');
}

function predicateOf(rule: PeerRule): (credentials: PeerCredentials) => unknown {
  if (typeof rule === 'function') return rule;
  const wanted = rule === 'same-user' ? ownIds() : rule;
  if (typeof wanted !== 'object' || wanted === null) {
    throw new TypeError(
      `requirePeer takes 'same-user', { uid, gid } or a function, got ${typeof rule === 'string' ? rule : typeof rule}`,
    );
  }
  const entries = Object.entries(wanted).filter(([, id]) => id !== undefined);
  if (entries.length === 0) throw new TypeError('requirePeer needs a uid, a gid or both');
  for (const [name, id] of entries) checkId(name, id);
  const { uid, gid } = wanted;
  return (peer) =>
    (uid === undefined || uid === peer.uid) && (gid === undefined || gid === peer.gid);
}

function ownIds(): { uid?: number; gid?: number } {
  const [uid, gid] = [process.geteuid?.(), process.getegid?.()];
  return { ...(uid === undefined ? {} : { uid }), ...(gid === undefined ? {} : { gid }) };
}

function checkId(name: string, id: unknown): void {
  if (name !== 'uid' && name !== 'gid') {
    throw new TypeError(`requirePeer takes uid and gid, got ${name}`);
  }
  if (typeof id === 'number' && Number.isInteger(id) && id >= 0 && id <= MAX_ID) return;
  throw new RangeError(
    `${name} must be a whole number from 0 to ${MAX_ID}, got ${typeof id === 'number' ? id : typeof id}`,
  );
}
