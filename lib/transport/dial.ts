import { connect, Socket } from 'node:net';
import { connect as connectSecurely, type TLSSocket } from 'node:tls';
import type { Duplex } from 'node:stream';
import { formatAddress, systemPath, type Address } from './address.js';
import { guard } from './guard.js';
import { greetHybridVsock } from './hybrid-vsock.js';
import { noTlsReason, unsupportedReason } from './platform.js';
import { explain, unreachable } from './system-error.js';
import { TCP_OPTIONS } from './tcp-options.js';
import type { ClientTlsOptions } from './tls-options.js';

/** How long to try. */
export interface DialOptions {
  /** For the whole attempt, name look-up and hybrid vsock's greeting included, in ms; `Infinity`: no limit. */
  readonly timeoutMs: number;
  /** Gives the attempt up. */
  readonly signal?: AbortSignal | undefined;
  /** Speaks TLS, as Node's own `tls.connect` is told; for TCP only. */
  readonly tls?: ClientTlsOptions | undefined;
}

/**
 * Connects to an address.
 *
 * - `tcp`: as {@link TCP_OPTIONS} says; with `tls` it is secure when it comes back.
 * - `fd`: wraps the descriptor, which belongs to the socket from then on. Its number may stand for
 *   something else after that, so one descriptor is dialed once.
 * - `hvsock`: greets the virtual machine's monitor; what comes after its answer is still in the socket.
 *
 * The socket comes back unread. Its `error` events have a listener, so that one which breaks before
 * somebody takes it over does not end the process: look at `errored`.
 *
 * @throws ConnectionError with reason `dial` for every failure; the system's error, or the signal's
 * reason, is its `cause`. Nothing is left open then.
 */
export async function dial(address: Address, options: DialOptions): Promise<Duplex> {
  const name = formatAddress(address);
  const { tls } = options;
  const unsupported = unsupportedReason(address) ?? noTlsReason(address, tls);
  if (unsupported !== undefined) throw unreachable(ATTEMPT, name, unsupported);
  if (options.signal?.aborted === true) throw expired(name, 'aborted', options);

  let socket: Socket;
  try {
    socket = open(address, tls);
  } catch (error) {
    throw unreachable(ATTEMPT, name, explain(error), error);
  }
  socket.on('error', ignore);
  let expiry: Error | undefined;
  const stopGuard = guard(options, (reason) => {
    expiry = expired(name, reason, options);
    socket.destroy(expiry);
  });
  try {
    await connected(socket, tls === undefined ? 'connect' : 'secureConnect');
    if (address.kind === 'hvsock') await greetHybridVsock(socket, address.port);
    return socket;
  } catch (error) {
    socket.destroy();
    throw expiry ?? unreachable(ATTEMPT, name, explain(error), error);
  } finally {
    stopGuard();
  }
}

const ATTEMPT = 'cannot connect to';

function ignore(): void {}

function open(address: Address, tls: ClientTlsOptions | undefined): Socket {
  if (address.kind === 'tcp') {
    if (tls !== undefined) return openSecurely(address, tls);
    return connect({ host: address.host, port: address.port, ...TCP_OPTIONS });
  }
  if (address.kind === 'fd') {
    // Both have an effect on TCP only, and are allowed on all.
    return new Socket({ fd: address.fd, readable: true, writable: true })
      .setNoDelay()
      .setKeepAlive(true, TCP_OPTIONS.keepAliveInitialDelay);
  }
  return connect({ path: systemPath(address) });
}

/** The address is where it goes, whatever the options say. */
function openSecurely(
  { host, port }: { readonly host: string; readonly port: number },
  tls: ClientTlsOptions,
): TLSSocket {
  const socket = connectSecurely({ ...tls, host, port, path: undefined, socket: undefined });
  return socket.setNoDelay().setKeepAlive(true, TCP_OPTIONS.keepAliveInitialDelay);
}

function connected(socket: Socket, event: 'connect' | 'secureConnect'): Promise<void> {
  if (!socket.connecting) return Promise.resolve();
  return new Promise((resolve, reject) => {
    const stop = (): void => {
      socket.off(event, onConnect);
      socket.off('error', onError);
    };
    const onConnect = (): void => {
      stop();
      resolve();
    };
    const onError = (error: Error): void => {
      stop();
      reject(error);
    };
    socket.on(event, onConnect);
    socket.on('error', onError);
  });
}

function expired(name: string, reason: 'timeout' | 'aborted', options: DialOptions): Error {
  if (reason === 'aborted') {
    return unreachable(ATTEMPT, name, 'given up by its signal', options.signal?.reason);
  }
  const cause = Object.assign(new Error(`no answer within ${options.timeoutMs} ms`), {
    code: 'ETIMEDOUT',
  });
  return unreachable(ATTEMPT, name, `ETIMEDOUT, ${cause.message}`, cause);
}
