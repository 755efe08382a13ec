import type { Duplex } from 'node:stream';

/** Longest answer accepted, newline included, in bytes; a real one is `OK` and a port. */
const MAX_ANSWER_LENGTH = 64;

const NEWLINE = 0x0a;

/**
 * Asks the monitor of a virtual machine for a port inside it.
 *
 * The bytes behind the answer's newline go back into the socket, which looks unread.
 *
 * Source: Firecracker `docs/vsock.md`, "Host-Initiated Connections".
 *
 * @param socket - connected to the monitor, unread
 * @param port - vsock port; unsigned 32 bits
 * @throws Error when the answer is too long, does not contain `OK` or does not come
 */
export function greetHybridVsock(socket: Duplex, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    let kept: Buffer = Buffer.alloc(0);

    const settle = (error?: Error): void => {
      socket.off('readable', onReadable);
      socket.off('error', settle);
      socket.off('close', onClose);
      if (error === undefined) resolve();
      else reject(error);
    };
    const onClose = (): void => settle(new Error('the monitor closed the connection unanswered'));
    const onReadable = (): void => {
      const chunk = socket.read() as Buffer | null;
      if (chunk === null) return;
      kept = Buffer.concat([kept, chunk]);
      const end = kept.subarray(0, MAX_ANSWER_LENGTH).indexOf(NEWLINE);
      if (end === -1 && kept.length < MAX_ANSWER_LENGTH) return;
      settle(refusal(kept, end));
      if (end !== -1 && end + 1 < kept.length) socket.unshift(kept.subarray(end + 1));
    };

    socket.on('readable', onReadable);
    socket.on('error', settle);
    socket.on('close', onClose);
    socket.write(`CONNECT ${port}\n`);
  });
}

/** Why an answer is none; `end` is where its newline is, or -1. */
function refusal(answer: Buffer, end: number): Error | undefined {
  if (end === -1) {
    return new Error(`the monitor's answer is longer than ${MAX_ANSWER_LENGTH} bytes`);
  }
  const line = answer.toString('latin1', 0, end);
  if (line.includes('OK')) return undefined;
  return new Error(`the monitor answered ${JSON.stringify(line)} instead of OK`);
}
