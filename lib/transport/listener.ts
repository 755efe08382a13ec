import { createServer, type Server } from 'node:net';
import type { Duplex } from 'node:stream';
import { formatAddress, type Address } from './address.js';
import { bindServer } from './bind.js';
import {
  createSecureServer,
  knowsClients,
  type SecureOptions,
  type SecureServer,
} from './secure-server.js';
import { noTlsReason, unsupportedReason } from './platform.js';
import { fileIdentity, keepForeignFile } from './socket-file.js';
import type { SocketOwner } from './socket-rights.js';
import { unreachable } from './system-error.js';
import { TCP_OPTIONS } from './tcp-options.js';

/** What may be said about a listener; everything has a default. */
export interface ListenerOptions {
  /**
   * File mode of a unix socket, such as `0o600`; ignored for other addresses.
   *
   * It is set right after the socket was bound, in the same turn of the event loop; in a worker of
   * `node:cluster` a moment later. Whoever must keep even that moment shut gives the socket a folder
   * of its own that others cannot enter.
   *
   * A mode that keeps others out is refused in a folder in which others may replace the socket.
   *
   * @defaultValue what the process's umask leaves
   */
  readonly mode?: number | undefined;
  /** Whom a unix socket's file belongs to; ignored for other addresses. */
  readonly owner?: SocketOwner | undefined;
  /** Speaks TLS; for TCP only. */
  readonly secure?: SecureOptions | undefined;
  /**
   * Whether TCP may be bound to what other machines can reach though nobody asks clients who they
   * are.
   *
   * @defaultValue false
   */
  readonly allowAnonymousRemote?: boolean | undefined;
  /**
   * Hears of connections that could not be accepted (EMFILE and the like). The listener goes on.
   *
   * @defaultValue nobody hears of them
   */
  readonly onError?: ((error: Error) => void) | undefined;
}

/** Somewhere that clients can connect to. */
export interface Listener {
  /** The bound address in canonical form; a TCP port 0 is the port that the system chose. */
  readonly address: string;
  /**
   * Accepts no more. Resolves when the listening socket is closed and its file removed; accepted
   * connections go on, and are not waited for. The socket that workers of `node:cluster` share is
   * the primary's, which closes it after the last of them.
   */
  close(): Promise<void>;
}

/**
 * Hands over byte streams that somebody else accepts, from now until its listener is closed: the
 * ends of pipes in memory, the lanes of a multiplexer.
 *
 * @param onStream - gets each one, unread
 */
export type Acceptor = (onStream: (stream: Duplex) => void) => Listener | PromiseLike<Listener>;

/**
 * Listens on an address and hands over each connection that is made to it.
 *
 * A unix socket's file that nobody accepts on (left behind by a crash) is replaced; anything else in
 * the way is left alone. On close the file is removed, unless it is another one by then.
 *
 * @param onSocket - gets each connection, unread; its `error` events have a listener, so that one
 * which breaks before it is attached does not end the process
 * @throws ConnectionError with reason `dial` for every failure; the system's error is its `cause`
 */
export async function listen(
  address: Address,
  onSocket: (socket: Duplex) => void,
  options: ListenerOptions = {},
): Promise<Listener> {
  const name = formatAddress(address);
  if (address.kind === 'hvsock') throw unreachable(ATTEMPT, name, DIAL_ONLY);
  const { secure } = options;
  const unsupported = unsupportedReason(address) ?? noTlsReason(address, secure);
  if (unsupported !== undefined) throw unreachable(ATTEMPT, name, unsupported);
  try {
    const { server, abandon } = serverFor(onSocket, secure);
    await bindServer(server, address, {
      ...options,
      allowRemote: options.allowAnonymousRemote === true || knowsClients(secure?.tls),
    });
    server.on('error', options.onError ?? ignore);
    return new NetListener(server, address, abandon);
  } catch (error) {
    const { message, cause } = error as Error;
    throw unreachable(ATTEMPT, name, message, cause);
  }
}

function serverFor(
  onSocket: (socket: Duplex) => void,
  secure: SecureOptions | undefined,
): SecureServer {
  const take = (socket: Duplex): void => {
    socket.on('error', ignore);
    onSocket(socket);
  };
  if (secure !== undefined) return createSecureServer(secure, take);
  return { server: createServer(TCP_OPTIONS, take), abandon: ignore };
}

const ATTEMPT = 'cannot listen on';

const DIAL_ONLY =
  'hybrid vsock can only be dialed (the monitor of the virtual machine owns its unix socket)';

function ignore(): void {}

class NetListener implements Listener {
  readonly address: string;
  readonly #server: Server;
  readonly #abandon: () => void;
  /** The socket's file, if it has one, and which file that is. */
  readonly #path: string | undefined;
  readonly #identity: string | undefined;
  #closing: Promise<void> | undefined;

  constructor(server: Server, address: Address, abandon: () => void) {
    this.#server = server;
    this.#abandon = abandon;
    this.#path = address.kind === 'unix' ? address.path : undefined;
    this.#identity = this.#path === undefined ? undefined : fileIdentity(this.#path);
    this.address = boundAddress(server, address);
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  // The server's own `close` event waits for its connections; the handle is closed before that:
  // at once, but for libuv's callbacks, which run at the end of the turn.
  #close(): Promise<void> {
    this.#abandon();
    const closeHandle = (): void => void this.#server.close();
    if (this.#path === undefined) closeHandle();
    else keepForeignFile(this.#path, this.#identity, closeHandle);
    return new Promise((resolve) => setImmediate(resolve));
  }
}

function boundAddress(server: Server, address: Address): string {
  const bound = server.address();
  if (address.kind !== 'tcp' || bound === null || typeof bound === 'string') {
    return formatAddress(address);
  }
  return formatAddress({ kind: 'tcp', host: bound.address, port: bound.port });
}
