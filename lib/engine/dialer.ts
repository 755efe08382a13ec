import type { Duplex } from 'node:stream';
import { ConnectionError } from '../errors.js';
import { guard } from '../transport/guard.js';

/** Makes a connected byte stream; `signal` aborts when nobody waits for it any more. */
export type Dialer = (signal: AbortSignal) => Duplex | PromiseLike<Duplex>;

/**
 * Holds a user's dialer to the time it has, whether or not it heeds its signal. A stream that comes
 * too late is destroyed.
 *
 * @param address - what errors call the server
 */
export function boundedDialer(dialer: Dialer, address: string, timeoutMs: number): Dialer {
  return (signal) =>
    new Promise<Duplex>((resolve, reject) => {
      const controller = new AbortController();
      const stop = guard({ timeoutMs, signal }, (reason) => {
        const why = reason === 'timeout' ? `no answer within ${timeoutMs} ms` : 'given up';
        const facts = { reason: 'dial', address, cause: signal.reason } as const;
        const error = new ConnectionError(`cannot connect to ${address}: ${why}`, facts);
        controller.abort(error);
        reject(error);
      });
      const onStream = (stream: Duplex): void => {
        stop();
        resolve(stream);
        if (controller.signal.aborted) discard(stream);
      };
      const onError = (error: unknown): void => {
        stop();
        reject(error);
      };
      begin(dialer, controller.signal).then(onStream, onError);
    });
}

/**
 * Dials the first time only. A file descriptor belongs to its first connection; its number may stand
 * for anything after that.
 *
 * @param source - what gives the connection: `file descriptor`
 */
export function onceDialer(dialer: Dialer, address: string, source: string): Dialer {
  let dialed = false;
  return (signal) => {
    if (dialed) {
      const why = `a ${source} gives one connection, which has been made or tried`;
      const text = `cannot connect to ${address}: ${why}; another one needs a new client`;
      throw new ConnectionError(text, { reason: 'dial', address });
    }
    dialed = true;
    return dialer(signal);
  };
}

/** A dialer that throws at once is one that rejects. */
async function begin(dialer: Dialer, signal: AbortSignal): Promise<Duplex> {
  return dialer(signal);
}

function discard(stream: Duplex): void {
  stream.on('error', () => {
    // Nobody has it any more.
  });
  stream.destroy();
}
