import { isIPv6 } from 'node:net';
import { socketPathLimit } from './socket-path-limit.js';

/** Where a server is, or is to be. */
export type Address =
  /** A unix socket in the file system; a relative path is relative to the working directory. */
  | { readonly kind: 'unix'; readonly path: string }
  /** A unix socket in Linux's abstract namespace; `name` without the leading zero byte. */
  | { readonly kind: 'abstract'; readonly name: string }
  /** `host` is a name or an IP address without brackets; port 0 lets the system choose one. */
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number }
  /** A socket that this process has inherited; whoever uses it owns it from then on. */
  | { readonly kind: 'fd'; readonly fd: number }
  /** Hybrid vsock: `port` (unsigned 32 bits) of a virtual machine behind the unix socket `path`. */
  | { readonly kind: 'hvsock'; readonly path: string; readonly port: number }
  /** A Windows named pipe, with backslashes. */
  | { readonly kind: 'pipe'; readonly path: string };

/** What comes after a scheme's colon, read by that scheme's rules. */
const SCHEMES: ReadonlyMap<string, (rest: string, text: string) => Address> = new Map([
  ['unix', parseUnix],
  ['tcp', parseTcp],
  ['fd', parseFd],
  ['hvsock', parseHvsock],
  ['npipe', parseNpipe],
]);

const KNOWN =
  'unix:///path, unix:relative, unix:@abstract, tcp://host:port, fd:N, hvsock:///path:port, ' +
  'npipe:////./pipe/name, or a path that starts with "/", "./" or "../"';

/**
 * Reads an address.
 *
 * | text | kind |
 * | --- | --- |
 * | `unix:///run/x.sock`, `unix:/run/x.sock`, `/run/x.sock` | `unix`, absolute |
 * | `unix:x.sock`, `unix://x.sock` (as containerd reads it), `./x.sock`, `../x.sock` | `unix`, relative |
 * | `unix:@name`, `unix://@name` (as the Rust implementation writes it), `\0name` | `abstract` |
 * | `tcp://host:port`, `tcp://[::1]:port` | `tcp` |
 * | `fd:3` | `fd` |
 * | `hvsock:///run/vm.sock:1024` | `hvsock`, absolute path only |
 * | `npipe:////./pipe/name`, `\\.\pipe\name` | `pipe` |
 *
 * Nothing is percent-decoded: a `%` is a `%`. A file whose name starts with `@` is `unix:./@name`.
 *
 * @throws TypeError when the text is none of these
 * @throws RangeError when a port, descriptor or socket path is out of bounds
 */
export function parseAddress(text: string): Address {
  if (typeof text !== 'string' || text === '') throw unreadable(text);
  if (text.startsWith('\0')) return parseUnix(text, text);
  if (text.startsWith('\\\\')) return parsePipe(text, text);
  if (/^\.{0,2}\//.test(text)) return unix(text, text);
  const scheme = /^([a-z][a-z\d+.-]*):/i.exec(text)?.[1];
  const parse = scheme === undefined ? undefined : SCHEMES.get(scheme.toLowerCase());
  if (scheme === undefined || parse === undefined) throw unreadable(text);
  return parse(text.slice(scheme.length + 1), text);
}

/**
 * Writes an address the one canonical way: `/run/x.sock` as `unix:///run/x.sock`.
 * {@link parseAddress} reads it back.
 */
export function formatAddress(address: Address): string {
  switch (address.kind) {
    case 'unix':
      if (address.path.startsWith('/')) return `unix://${address.path}`;
      return address.path.startsWith('@') ? `unix:./${address.path}` : `unix:${address.path}`;
    case 'abstract':
      return `unix:@${address.name}`;
    case 'tcp':
      return `tcp://${address.host.includes(':') ? `[${address.host}]` : address.host}:${address.port}`;
    case 'fd':
      return `fd:${address.fd}`;
    case 'hvsock':
      return `hvsock://${address.path}:${address.port}`;
    case 'pipe':
      return `npipe:${`//${address.path}`.replaceAll('\\', '/')}`;
    default:
      address satisfies never;
      throw new TypeError(`address must be one that parseAddress returned, got ${typeof address}`);
  }
}

/** What Node calls the `path` of an address that has one. */
export function systemPath(address: Exclude<Address, { readonly kind: 'tcp' | 'fd' }>): string {
  return address.kind === 'abstract' ? `\0${address.name}` : address.path;
}

function parseUnix(rest: string, text: string): Address {
  const path = rest.startsWith('//') ? rest.slice(2) : rest;
  if (!path.startsWith('@') && !path.startsWith('\0')) return unix(path, text);
  const name = path.slice(1);
  if (name === '') throw malformed(text, 'an abstract socket needs a name, as in unix:@name');
  checkLength(name, 'abstract socket name');
  return { kind: 'abstract', name };
}

function unix(path: string, text: string): Address {
  if (path === '') throw malformed(text, 'a path must follow, as in unix:///run/x.sock');
  checkPath(path, text);
  return { kind: 'unix', path };
}

function parseTcp(rest: string, text: string): Address {
  const found = /^\/\/(?:\[([^\]]+)\]|([^\s/?#@:[\]]+)):([^:]*)$/.exec(rest);
  const [, bracketed, name, port] = found ?? [];
  const host = bracketed ?? name;
  if (host === undefined || port === undefined) {
    throw malformed(text, 'the form is tcp://host:port, an IPv6 address in brackets');
  }
  if (bracketed !== undefined && !isIPv6(bracketed)) {
    throw malformed(text, `"${bracketed}" is not an IPv6 address`);
  }
  return { kind: 'tcp', host, port: integer(port, 0xffff, 'port', text) };
}

function parseFd(rest: string, text: string): Address {
  return { kind: 'fd', fd: integer(rest, 0x7fff_ffff, 'file descriptor', text) };
}

function parseHvsock(rest: string, text: string): Address {
  const [, path, port] = /^\/\/(\/.+):([^:/]*)$/s.exec(rest) ?? [];
  if (path === undefined || port === undefined) {
    throw malformed(text, 'the form is hvsock:///absolute/path:port');
  }
  checkPath(path, text);
  return { kind: 'hvsock', path, port: integer(port, 0xffff_ffff, 'port', text) };
}

/** `////./pipe/x` is how a URL spells it; `//./pipe/x` is the path itself. */
function parseNpipe(rest: string, text: string): Address {
  return parsePipe(rest.startsWith('////') ? rest.slice(2) : rest, text);
}

function parsePipe(rest: string, text: string): Address {
  const path = rest.replaceAll('/', '\\');
  if (/^\\\\[^\\]+\\pipe\\[^\0]+$/i.test(path)) return { kind: 'pipe', path };
  throw malformed(text, String.raw`the form is \\.\pipe\name or npipe:////./pipe/name`);
}

function checkPath(path: string, text: string): void {
  if (path.includes('\0')) throw malformed(text, 'a path cannot contain a zero byte');
  checkLength(path, 'socket path');
}

function checkLength(path: string, what: string): void {
  const length = Buffer.byteLength(path);
  const limit = socketPathLimit();
  if (length <= limit) return;
  throw new RangeError(
    `${what} of ${length} bytes is above this system's limit of ${limit} bytes: ${path}`,
  );
}

function integer(digits: string, max: number, what: string, text: string): number {
  const value = /^\d+$/.test(digits) ? Number(digits) : NaN;
  if (value <= max) return value;
  const problem = `${what} must be an integer from 0 to ${max}, got "${digits}"`;
  throw Number.isNaN(value)
    ? malformed(text, problem)
    : new RangeError(`${quote(text)}: ${problem}`);
}

function unreadable(text: unknown): TypeError {
  return new TypeError(`address must be ${KNOWN}; got ${quote(text)}`);
}

function malformed(text: string, problem: string): TypeError {
  return new TypeError(`address ${quote(text)} cannot be read: ${problem}`);
}

function quote(value: unknown): string {
  return typeof value === 'string' ? JSON.stringify(value) : typeof value;
}
