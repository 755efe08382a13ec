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
import { positive } from './client-options.js';
import { hook } from './hook.js';

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
   * Time for the handshake, in milliseconds.
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
   * File mode of a unix socket, such as `0o600`.
   * @defaultValue what the process's umask leaves
   */
  readonly socketMode?: number | undefined;
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
