import type { ConnectionError } from '../errors.js';
import {
  resolveConnectionOptions,
  withinRange,
  type ConnectionOptions,
  type ResolvedConnectionOptions,
} from '../protocol/connection-options.js';
import type { CallContext, Peer } from '../rpc/call.js';
import type { ServerInterceptor } from '../rpc/interceptor.js';
import type { Handshake } from '../transport/handshake.js';
import type { ListenerOptions } from '../transport/listener.js';
import type { SocketOwner } from '../transport/socket-rights.js';
import type { ServerTlsOptions } from '../transport/tls-options.js';
import { flag, positive } from './client-options.js';
import { hook } from './hook.js';
import { objectOf } from './object-option.js';

/** What a server may be told; everything has a default. */
export interface ServerOptions extends ConnectionOptions {
  /**
   * Connections open at once; the next one is closed as soon as it is made.
   * @defaultValue 10000
   */
  readonly maxConnections?: number | undefined;
  /** Sees each connection before its first frame; see {@link Handshake}. */
  readonly handshake?: Handshake | undefined;
  /**
   * Time for the handshake, in milliseconds; TLS has as much for its own.
   * @defaultValue 10000
   */
  readonly handshakeTimeoutMs?: number | undefined;
  /**
   * Time after which a connection that carries no call is closed, in milliseconds; up to twice that
   * may pass.
   * @defaultValue `Infinity`: clients keep a connection for days between two calls, and the protocol
   * has no ping by which they could show that they are there
   */
  readonly idleTimeoutMs?: number | undefined;
  /**
   * File mode of a unix socket, such as `0o600`. One that keeps others out is refused in a folder in
   * which they may replace the socket.
   * @defaultValue what the process's umask leaves
   */
  readonly socketMode?: number | undefined;
  /**
   * User and group that the file of a unix socket is given, by their ids: `{ gid: 999 }` and
   * `socketMode: 0o660` let a group in.
   * @defaultValue process: its own
   */
  readonly socketOwner?: SocketOwner | undefined;
  /**
   * Speaks TLS on `tcp://` addresses, as Node's `tls.createServer` is told: `key` and `cert`, and
   * for mutual TLS `requestCert: true` and the `ca` of the clients.
   * @defaultValue none
   */
  readonly tls?: ServerTlsOptions | undefined;
  /**
   * Whether TCP may listen where other machines can connect though it does not know its clients, as
   * it does by mutual TLS with a `ca`.
   * @defaultValue false: such an address is refused
   */
  readonly allowAnonymousRemote?: boolean | undefined;
  /** Wrap every call of a service added by `addService`; the first is the outermost. */
  readonly interceptors?: readonly ServerInterceptor[] | undefined;
  /**
   * Whether callers are told the message of an error that says no status; never its stack.
   * @defaultValue false: it may name what is nobody's business
   */
  readonly exposeErrorMessages?: boolean | undefined;
  /** Hears of those errors, to log them. */
  readonly onHandlerError?: ((error: unknown, context: CallContext) => void) | undefined;
  /** Hears of what goes wrong outside of calls: a refused handshake, a failed accept. */
  readonly onError?: ((error: Error) => void) | undefined;
  /** A connection was accepted. */
  readonly onConnect?: ((peer: Peer) => void) | undefined;
  /** A connection is gone; the signals of its calls have aborted. */
  readonly onClose?: ((peer: Peer, error: ConnectionError) => void) | undefined;
}

/** What the server reads: complete and checked. */
export interface ResolvedServerOptions {
  readonly connection: ResolvedConnectionOptions;
  readonly maxConnections: number;
  readonly handshake: Handshake | undefined;
  readonly handshakeTimeoutMs: number;
  readonly idleTimeoutMs: number;
  readonly socketMode: number | undefined;
  readonly socketOwner: SocketOwner | undefined;
  readonly tls: ServerTlsOptions | undefined;
  readonly allowAnonymousRemote: boolean;
  readonly interceptors: readonly ServerInterceptor[];
  readonly exposeErrorMessages: boolean;
  readonly onHandlerError: ((error: unknown, context: CallContext) => void) | undefined;
  readonly onError: (error: Error) => void;
  readonly onConnect: (peer: Peer) => void;
  readonly onClose: (peer: Peer, error: ConnectionError) => void;
}

const MAX_CONNECTIONS = 10_000;
const HANDSHAKE_TIMEOUT_MS = 10_000;
const MAX_MODE = 0o777;
/** The id above it stands for none. */
const MAX_ID = 2 ** 32 - 2;

/**
 * What a server's listeners are told.
 *
 * @param count - counts what TLS refuses, and what is above the bound before TLS
 */
export function listenerOptions(
  options: ResolvedServerOptions,
  count: { readonly onFailed: () => void; readonly onDropped: () => void },
): ListenerOptions {
  const { tls, maxConnections, onError, handshakeTimeoutMs: timeoutMs } = options;
  const onFailed = (error: Error): void => {
    count.onFailed();
    onError(error);
  };
  const { onDropped } = count;
  return {
    mode: options.socketMode,
    owner: options.socketOwner,
    secure: tls && { tls, timeoutMs, maxConnections, onFailed, onDropped },
    allowAnonymousRemote: options.allowAnonymousRemote,
    onError,
  };
}

/** @throws RangeError or TypeError naming the option, what it got and what is allowed */
export function resolveServerOptions(given: ServerOptions): ResolvedServerOptions {
  const { handshake } = given;
  if (handshake !== undefined && typeof handshake !== 'function') {
    throw new TypeError(`handshake must be a function, got ${typeof handshake}`);
  }
  return Object.freeze({
    connection: resolveConnectionOptions(given),
    ...resolveNumbers(given),
    handshake,
    socketOwner: resolveOwner(given.socketOwner),
    tls: resolveTls(given.tls),
    allowAnonymousRemote: flag('allowAnonymousRemote', given.allowAnonymousRemote),
    interceptors: given.interceptors ?? [],
    exposeErrorMessages: given.exposeErrorMessages ?? false,
    onHandlerError: given.onHandlerError,
    onError: hook(given.onError),
    onConnect: hook(given.onConnect),
    onClose: hook(given.onClose),
  });
}

function resolveNumbers({
  maxConnections = MAX_CONNECTIONS,
  handshakeTimeoutMs = HANDSHAKE_TIMEOUT_MS,
  idleTimeoutMs = Infinity,
  socketMode,
}: ServerOptions): Pick<
  ResolvedServerOptions,
  'handshakeTimeoutMs' | 'idleTimeoutMs' | 'maxConnections' | 'socketMode'
> {
  return {
    maxConnections: withinRange('maxConnections', maxConnections, 1, 2 ** 31 - 1),
    handshakeTimeoutMs: positive('handshakeTimeoutMs', handshakeTimeoutMs),
    idleTimeoutMs: positive('idleTimeoutMs', idleTimeoutMs),
    socketMode: socketMode && withinRange('socketMode', socketMode, 1, MAX_MODE),
  };
}

function resolveOwner(given: SocketOwner | undefined): SocketOwner | undefined {
  for (const [name, id] of Object.entries(objectOf('socketOwner', given) ?? {})) {
    if (name !== 'uid' && name !== 'gid') {
      throw new TypeError(`socketOwner has uid and gid, got ${name}`);
    }
    if (id !== undefined) withinRange(`socketOwner.${name}`, id, 0, MAX_ID);
  }
  return given;
}

/** Without a certificate Node would listen, and every handshake fail. */
function resolveTls(given: ServerTlsOptions | undefined): ServerTlsOptions | undefined {
  const tls = objectOf('tls', given);
  if (tls === undefined || tls.pfx || tls.SNICallback || tls.pskCallback) return tls;
  if (tls.key && tls.cert) return tls;
  throw new TypeError('tls of a server needs a key and a cert, or a pfx');
}
