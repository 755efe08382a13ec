import type { Duplex } from 'node:stream';
import type { ConnectionError } from '../errors.js';
import {
  resolveConnectionOptions,
  type ConnectionOptions,
  type ResolvedConnectionOptions,
} from '../protocol/connection-options.js';
import type { ClientInterceptor } from '../rpc/interceptor.js';
import { formatAddress, parseAddress } from '../transport/address.js';
import { dial } from '../transport/dial.js';
import type { ClientTlsOptions } from '../transport/tls-options.js';
import {
  resolveReconnect,
  type ReconnectOptions,
  type ResolvedReconnectOptions,
} from './backoff.js';
import { boundedDialer, onceDialer, type Dialer } from './dialer.js';
import { hook } from './hook.js';
import { objectOf } from './object-option.js';

export type { Dialer, ReconnectOptions };

/**
 * What a client may be told. One of `address`, `dial` and `stream` is needed, the rest has defaults.
 */
export interface ClientOptions extends ConnectionOptions {
  /**
   * Where the server listens: `unix:///run/x.sock` or a bare path, `tcp://host:port`, `fd:3`,
   * `unix:@abstract`, `hvsock:///path:port`, `\\.\pipe\name`. Beside `dial` or
   * `stream` it only names the peer in errors.
   */
  readonly address?: string | undefined;
  /** Makes the byte stream itself, instead of connecting to `address`. */
  readonly dial?: Dialer | undefined;
  /**
   * A byte stream that is open already, such as a connection of a multiplexer. It is the client's
   * from here. When it is gone there is no other: calls fail, also those that would wait.
   */
  readonly stream?: Duplex | undefined;
  /**
   * Speaks TLS with a `tcp://` address, as Node's `tls.connect` is told: `ca`, and `key` and `cert`
   * where the server wants to know its clients; `{}` trusts what the system trusts.
   * @defaultValue none
   */
  readonly tls?: ClientTlsOptions | undefined;
  /**
   * Time to connect, in milliseconds; a call's deadline may be earlier.
   * @defaultValue 10000
   */
  readonly connectTimeoutMs?: number | undefined;
  /**
   * Timeout of calls that name none, in milliseconds.
   * @defaultValue `Infinity`: a shim's `Wait` lasts days
   */
  readonly timeoutMs?: number | undefined;
  /**
   * How long to leave the address alone after a failed attempt to connect. Calls fail meanwhile, at
   * once and with the failure that there was, unless they wait; the first call behind it tries
   * again. A connection that was made and lost is made again by the next call, without delay.
   */
  readonly reconnect?: ReconnectOptions | undefined;
  /**
   * Whether calls that do not say so themselves wait until there is a connection; see
   * `CallOptions.waitForReady`.
   * @defaultValue false
   */
  readonly waitForReady?: boolean | undefined;
  /** Wrap every call; the first is the outermost. */
  readonly interceptors?: readonly ClientInterceptor[] | undefined;
  /** A connection was made. */
  readonly onConnect?: (() => void) | undefined;
  /** The connection is gone; every call on it has had its error. */
  readonly onClose?: ((error: ConnectionError) => void) | undefined;
  /** The client's state is another one; called before `onConnect` and `onClose`. */
  readonly onStateChange?: ((state: ClientState) => void) | undefined;
}

/** Whether a client can make calls; gRPC's names are in parentheses. */
export type ClientState =
  /** There is no connection, and nobody has asked for one (IDLE). */
  | 'idle'
  /** A connection is being made (CONNECTING). */
  | 'connecting'
  /** There is a connection (READY). */
  | 'connected'
  /** The last attempt has failed, and the next has not begun (TRANSIENT_FAILURE). */
  | 'failed'
  /** The client was closed (SHUTDOWN). */
  | 'closed';

/** What the client reads: complete and checked. */
export interface ResolvedClientOptions {
  readonly address: string;
  readonly dial: Dialer;
  /** Whether the address leads to one connection only: no call can wait for another. */
  readonly dialsOnce: boolean;
  /** Whether the connection is made without a call: the client owns what it is made of. */
  readonly dialsAtOnce: boolean;
  readonly timeoutMs: number;
  readonly reconnect: ResolvedReconnectOptions;
  readonly waitForReady: boolean;
  readonly connection: ResolvedConnectionOptions;
  readonly interceptors: readonly ClientInterceptor[];
  readonly onConnect: () => void;
  readonly onClose: (error: ConnectionError) => void;
  readonly onStateChange: (state: ClientState) => void;
}

const CONNECT_TIMEOUT_MS = 10_000;

/**
 * @throws TypeError when there is no way to the server, or the address can't be understood
 * @throws RangeError naming a number that is out of range, and the range
 */
export function resolveClientOptions(given: ClientOptions): ResolvedClientOptions {
  const connectTimeoutMs = positive(
    'connectTimeoutMs',
    given.connectTimeoutMs ?? CONNECT_TIMEOUT_MS,
  );
  return Object.freeze({
    ...resolveTarget(given, connectTimeoutMs),
    timeoutMs: positive('timeoutMs', given.timeoutMs ?? Infinity),
    reconnect: resolveReconnect(given.reconnect),
    waitForReady: flag('waitForReady', given.waitForReady),
    connection: resolveConnectionOptions(given),
    interceptors: given.interceptors ?? [],
    onConnect: hook(given.onConnect),
    onClose: hook(given.onClose),
    onStateChange: hook(given.onStateChange),
  });
}

type Target = Pick<ResolvedClientOptions, 'address' | 'dial' | 'dialsOnce' | 'dialsAtOnce'>;

function resolveTarget(given: ClientOptions, timeoutMs: number): Target {
  const { address, dial: dialer, stream } = given;
  const tls = objectOf('tls', given.tls);
  if (dialer === undefined && stream === undefined) {
    return { ...resolveAddress(address, timeoutMs, tls), dialsAtOnce: false };
  }
  if (dialer !== undefined && stream !== undefined) {
    throw new TypeError('a client takes dial or stream, got both');
  }
  if (tls !== undefined) throw new TypeError('tls is for an address: a dial makes TLS itself');
  const name = address ?? 'a Duplex';
  if (dialer === undefined) return { address: name, ...resolveStream(stream, name) };
  if (typeof dialer !== 'function') {
    throw new TypeError(`dial must be a function that gives a Duplex, got ${typeof dialer}`);
  }
  const bounded = boundedDialer(dialer, name, timeoutMs);
  return { address: name, dial: bounded, dialsOnce: false, dialsAtOnce: false };
}

function resolveStream(stream: Duplex | undefined, name: string): Omit<Target, 'address'> {
  if (stream === undefined || typeof stream?.write !== 'function') {
    throw new TypeError(`stream must be an open Duplex, got ${typeof stream}`);
  }
  return { dial: onceDialer(() => stream, name, 'stream'), dialsOnce: true, dialsAtOnce: true };
}

function resolveAddress(
  address: unknown,
  timeoutMs: number,
  tls: ClientTlsOptions | undefined,
): Omit<Target, 'dialsAtOnce'> {
  if (typeof address !== 'string') {
    throw new TypeError(`a client needs an address (or dial), got ${typeof address}`);
  }
  const target = parseAddress(address);
  const name = formatAddress(target);
  if (tls !== undefined && target.kind !== 'tcp') {
    throw new TypeError(`tls is for tcp:// addresses, got ${name}`);
  }
  const dialTarget: Dialer = (signal) => dial(target, { timeoutMs, signal, tls });
  if (target.kind !== 'fd') return { address: name, dial: dialTarget, dialsOnce: false };
  return { address: name, dial: onceDialer(dialTarget, name, 'file descriptor'), dialsOnce: true };
}

/** @throws TypeError naming the option, when its value is neither true nor false */
export function flag(option: string, value: unknown): boolean {
  if (value === undefined) return false;
  if (typeof value === 'boolean') return value;
  throw new TypeError(`${option} must be true or false, got ${typeof value}`);
}

/**
 * Checks a timeout.
 *
 * @throws RangeError naming the option and the value
 */
export function positive(option: string, value: unknown): number {
  if (typeof value === 'number' && value > 0) return value;
  throw new RangeError(
    `${option} must be a number above 0 (ms), got ${typeof value === 'number' ? value : typeof value}`,
  );
}
