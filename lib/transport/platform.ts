import type { Address } from './address.js';

/** What of the running system decides whether an address can be used on it. */
export interface Platform {
  /** As `process.platform`. */
  readonly os: string;
  /** Version of libuv, as `process.versions.uv`. */
  readonly uv: string;
}

/** The system that this process runs on. */
const CURRENT_PLATFORM: Platform = Object.freeze({
  os: process.platform,
  uv: process.versions.uv,
});

/**
 * Why this system cannot use such an address; `undefined` when it can.
 *
 * @param address - what somebody wants to dial or listen on
 * @param platform - the system, for the tests
 * @returns a clause that starts in lower case
 */
export function unsupportedReason(
  address: Address,
  platform: Platform = CURRENT_PLATFORM,
): string | undefined {
  switch (address.kind) {
    case 'abstract':
      return abstractReason(platform);
    case 'unix':
    case 'hvsock':
      return platform.os === 'win32'
        ? 'Node has no unix sockets on Windows (use a named pipe, such as npipe:////./pipe/name)'
        : undefined;
    case 'pipe':
      return platform.os === 'win32' ? undefined : 'named pipes exist on Windows only';
    case 'tcp':
    case 'fd':
    default:
      return undefined;
  }
}

/**
 * Why TLS, if it is asked for, can't be spoken at such an address.
 *
 * @param tls - absent: nobody asks for it
 */
export function noTlsReason(address: Address, tls: object | undefined): string | undefined {
  return tls === undefined || address.kind === 'tcp' ? undefined : 'TLS is for tcp:// addresses';
}

/** libuv before 1.48 pads an abstract name with zeros, so that no other program finds it. */
function abstractReason({ os, uv }: Platform): string | undefined {
  if (os !== 'linux' && os !== 'android') return 'abstract sockets exist on Linux only';
  if (isAtLeast(uv, 1, 48)) return undefined;
  return `abstract sockets need libuv 1.48 or later, this Node has ${uv} (Node 22 is new enough)`;
}

function isAtLeast(version: string, major: number, minor: number): boolean {
  const [givenMajor = 0, givenMinor = 0] = version.split('.').map(Number);
  return givenMajor > major || (givenMajor === major && givenMinor >= minor);
}
