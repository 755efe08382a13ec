import cluster from 'node:cluster';
import { chmodSync, existsSync } from 'node:fs';
import type { ListenOptions, Server } from 'node:net';
import { dirname } from 'node:path';
import { systemPath, type Address } from './address.js';
import { removeStaleSocket } from './socket-file.js';
import { errorCode, explain } from './system-error.js';

/** An address that a server can be bound to. */
export type BindableAddress = Exclude<Address, { readonly kind: 'hvsock' }>;

/**
 * Binds a server and makes it listen; the stale file of a unix socket is replaced.
 *
 * @param mode - file mode of a unix socket; `undefined` leaves it to the umask
 * @throws Error whose message is a clause that says what is wrong; its `cause` is the system's error
 */
export async function bindServer(
  server: Server,
  address: BindableAddress,
  mode: number | undefined,
): Promise<void> {
  const shared = cluster.isWorker && address.kind === 'unix';
  try {
    if (shared) await bindShared(server, address, mode);
    else await bindReplacingStale(server, address, mode);
  } catch (error) {
    if (errorCode(error) === undefined) throw error;
    throw new Error(problemOf(address, error), { cause: error });
  }
}

async function bindReplacingStale(
  server: Server,
  address: BindableAddress,
  mode: number | undefined,
): Promise<void> {
  try {
    await bind(server, address, mode);
  } catch (error) {
    if (address.kind !== 'unix' || errorCode(error) !== 'EADDRINUSE') throw error;
    await removeStaleSocket(address.path, error);
    await bind(server, address, mode);
  }
}

/**
 * Shares the primary's socket, in a worker of `node:cluster`. The primary binds it for the first
 * worker that asks and hands it to the others, who find it in use and yet may have it: so a stale
 * file goes before, and only the primary can tell who else's it is.
 */
async function bindShared(
  server: Server,
  address: BindableAddress & { readonly kind: 'unix' },
  mode: number | undefined,
): Promise<void> {
  await removeStaleSocket(address.path, undefined).catch(() => undefined);
  try {
    await bind(server, address, undefined);
    if (mode !== undefined) chmodSync(address.path, mode);
  } catch (error) {
    server.close();
    if (errorCode(error) === 'EADDRINUSE') await removeStaleSocket(address.path, error);
    throw error;
  }
}

function bind(server: Server, address: BindableAddress, mode: number | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = (): void => {
      server.off('listening', onListening);
      server.off('error', onError);
    };
    const onListening = (): void => {
      stop();
      resolve();
    };
    const onError = (error: Error): void => {
      stop();
      reject(error);
    };
    server.on('listening', onListening);
    server.on('error', onError);
    try {
      server.listen(listenOptions(address));
      // A failed bind says so in the next tick only; what is at the path is then not ours.
      if (mode !== undefined && address.kind === 'unix' && server.listening) {
        chmodSync(address.path, mode);
      }
    } catch (error) {
      server.close();
      onError(error as Error);
    }
  });
}

function listenOptions(address: BindableAddress): ListenOptions & { fd?: number } {
  if (address.kind === 'tcp') return { host: address.host, port: address.port };
  if (address.kind === 'fd') return { fd: address.fd };
  return { path: systemPath(address) };
}

function problemOf(address: BindableAddress, error: unknown): string {
  const code = errorCode(error);
  if (address.kind === 'unix' && !existsSync(dirname(address.path))) {
    // libuv reports EACCES here, to be like Windows.
    return `ENOENT, the folder ${dirname(address.path)} does not exist`;
  }
  if (address.kind === 'fd' && code === 'EINVAL') {
    return 'EINVAL, the descriptor is not a socket that can listen';
  }
  return explain(error);
}
