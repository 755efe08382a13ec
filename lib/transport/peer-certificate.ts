import type { Duplex } from 'node:stream';
import { TLSSocket, type PeerCertificate } from 'node:tls';

/** The certificate of a socket's other end, if it has one and TLS has verified it. */
export function peerCertificate(socket: Duplex): PeerCertificate | undefined {
  if (!(socket instanceof TLSSocket) || !socket.authorized) return undefined;
  const certificate = socket.getPeerCertificate();
  return Object.keys(certificate).length === 0 ? undefined : certificate;
}
