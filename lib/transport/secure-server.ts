import type { Server, Socket } from 'node:net';
import { createServer, type TLSSocket } from 'node:tls';
import { HandshakeError } from '../errors.js';
import { MAX_DELAY_MS } from './guard.js';
import { TCP_OPTIONS } from './tcp-options.js';
import type { ServerTlsOptions } from './tls-options.js';

/** How a listener speaks TLS. */
export interface SecureOptions {
  /** Node's own: at least a key and a certificate; `requestCert` and `ca` for mutual TLS. */
  readonly tls: ServerTlsOptions;
  /** Time for TLS' handshake, in ms. */
  readonly timeoutMs: number;
  /** Connections of the listener, those that still shake hands included; more are closed at once. */
  readonly maxConnections: number;
  /** Hears of a connection that came to no end of the handshake, and is closed. */
  readonly onFailed: (error: HandshakeError) => void;
  /** Hears of a connection above the bound. */
  readonly onDropped: () => void;
}

/** A server whose connections are secure when they are handed over. */
export interface SecureServer {
  /** Not listening yet. */
  readonly server: Server;
  /** Closes the connections that are not secure yet. */
  readonly abandon: () => void;
}

/**
 * Whether a connection that such a server hands over is that of somebody it knows: who has a
 * certificate by the given authorities. Without `ca` any authority that the system trusts would do.
 */
export function knowsClients(tls: ServerTlsOptions | undefined): boolean {
  return tls?.requestCert === true && tls.rejectUnauthorized !== false && tls.ca !== undefined;
}

/**
 * Makes a server of TLS.
 *
 * @param onSocket - gets each connection when it is secure, unread
 * @throws Error when there is no certificate, or one that can't be read
 */
export function createSecureServer(
  { tls, timeoutMs, maxConnections, onFailed, onDropped }: SecureOptions,
  onSocket: (socket: TLSSocket) => void,
): SecureServer {
  /** Not secure yet, by the address at their other end. */
  const fresh = new Map<string, Socket>();
  const handshakeTimeout = Math.min(timeoutMs, MAX_DELAY_MS);
  const server = createServer({ ...tls, ...TCP_OPTIONS, handshakeTimeout }, (socket) => {
    fresh.delete(peerOf(socket));
    onSocket(socket);
  });
  server.maxConnections = maxConnections;
  server.on('drop', onDropped);
  server.on('connection', (socket) => {
    const peer = peerOf(socket);
    fresh.set(peer, socket);
    socket.once('close', () => {
      if (fresh.get(peer) === socket) fresh.delete(peer);
    });
  });
  server.on('tlsClientError', (error, socket) => {
    fresh.get(peerOf(socket))?.destroy();
    socket.destroy();
    onFailed(new HandshakeError(`TLS refused the connection: ${error.message}`, { cause: error }));
  });
  return {
    server,
    abandon() {
      for (const socket of fresh.values()) socket.destroy();
    },
  };
}

function peerOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress} ${remotePort}`;
}
