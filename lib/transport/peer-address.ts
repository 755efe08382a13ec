import type { Duplex } from 'node:stream';
import { formatAddress } from './address.js';

/** The address of a socket's other end; a local socket's has none, so `fallback` is given. */
export function peerAddress(socket: Duplex, fallback: string): string {
  const { remoteAddress, remotePort } = socket as { remoteAddress?: unknown; remotePort?: unknown };
  if (typeof remoteAddress !== 'string' || typeof remotePort !== 'number') return fallback;
  return formatAddress({ kind: 'tcp', host: remoteAddress, port: remotePort });
}
