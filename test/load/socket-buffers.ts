import { once } from 'node:events';
import { createRequire } from 'node:module';
import { connect } from 'node:net';
import type { Duplex } from 'node:stream';

import type { Dialer, Handshake } from '../../lib/engine/index.js';

/** Numbers of Linux' `asm-generic/socket.h`. */
const SOL_SOCKET = 1;
const SO_SNDBUF = 7;
const SO_RCVBUF = 8;

/** What the deadlock study asks for, in bytes; Linux doubles it. By itself it takes 208 KiB. */
export const TINY_BUFFER = 8192;

type Setsockopt = (fd: number, ...args: readonly unknown[]) => number;

let bound: Setsockopt | undefined;

/**
 * Sets a socket's buffers. Node has no way to: it is done through koffi, on Linux.
 *
 * @throws Error when there is no koffi, or the system refuses
 */
function shrinkBuffers(socket: Duplex, bytes: number): void {
  const { fd } = (socket as unknown as { _handle: { fd: number } })._handle;
  bound ??= setsockopt();
  const value = Buffer.alloc(4);
  value.writeInt32LE(bytes);
  for (const option of [SO_SNDBUF, SO_RCVBUF]) {
    if (bound(fd, SOL_SOCKET, option, value, value.length) !== 0) {
      throw new Error(`setsockopt of a socket's buffer to ${bytes} bytes failed`);
    }
  }
}

function setsockopt(): Setsockopt {
  const koffi = createRequire(import.meta.url)('koffi') as {
    load(library: null): { func(prototype: string): Setsockopt };
  };
  return koffi.load(null).func('int setsockopt(int, int, int, const uint8_t *, uint32_t)');
}

/** A dialer of a unix socket whose connections have small buffers. */
export function shrinkingDialer(path: string, bytes: number): Dialer {
  return async () => {
    const socket = connect(path);
    await once(socket, 'connect');
    shrinkBuffers(socket, bytes);
    return socket;
  };
}

/** A server's handshake that only makes the connection's buffers small. */
export function shrinkingHandshake(bytes: number): Handshake {
  return async (socket) => shrinkBuffers(socket, bytes);
}
