import type { Duplex } from 'node:stream';
import type { Dialer } from '../engine/client-options.js';
import { UsageError } from '../errors.js';
import type { Acceptor } from '../transport/listener.js';
import { createDuplexPair } from './duplex-pair.js';

/** Joins one server with any number of clients, without a socket. */
export interface MemoryTransport {
  /** For the server: the option of `ServerTtrpc`, or the argument of `TtrpcServer.listen`. */
  readonly listen: Acceptor;
  /** For clients: the option of `ClientTtrpc` and of `TtrpcClient`. */
  readonly dial: Dialer;
  /** Breaks every connection there is, as a crash does; clients may dial again. */
  disconnect(): void;
}

const ADDRESS = 'memory:';

/**
 * Makes a transport in memory. Bytes move with the back pressure of a socket, and on the real event
 * loop even while a test's fake clock stands still. Who dials while no server listens is refused.
 *
 * @example
 * ```ts
 * const { listen, dial } = createMemoryTransport();
 * const app = await NestFactory.createMicroservice(HeroModule, {
 *   strategy: new ServerTtrpc({ listen, package: 'hero', protoPath }),
 * });
 * await app.listen();
 * const client = new ClientTtrpc({ dial, package: 'hero', protoPath });
 * ```
 */
export function createMemoryTransport(): MemoryTransport {
  let accept: ((stream: Duplex) => void) | undefined;
  const open = new Set<Duplex>();
  return {
    listen: (onStream) => {
      if (accept !== undefined) throw new UsageError('a server listens to this transport already');
      accept = onStream;
      const close = (): Promise<void> => {
        if (accept === onStream) accept = undefined;
        return Promise.resolve();
      };
      return { address: ADDRESS, close };
    },
    dial: () => {
      if (accept === undefined) throw refused();
      const [near, far] = createDuplexPair();
      open.add(far);
      far.on('close', () => open.delete(far));
      accept(far);
      return near;
    },
    disconnect: () => {
      for (const stream of open) stream.destroy();
    },
  };
}

function refused(): Error {
  const text = 'ECONNREFUSED, no server listens to the transport in memory';
  return Object.assign(new Error(text), { code: 'ECONNREFUSED', syscall: 'connect' });
}
