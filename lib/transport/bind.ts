import cluster from 'node:cluster';
import { existsSync } from 'node:fs';
import type { ListenOptions, Server } from 'node:net';
import { dirname } from 'node:path';
import { systemPath, type Address } from './address.js';
import { refuseRemote, resolveHost } from './loopback.js';
import { removeStaleSocket } from './socket-file.js';
import { refuseOpenFolder, setRights, type SocketRights } from './socket-rights.js';
import { whileAlone } from './start-lock.js';
import { errorCode, explain } from './system-error.js';

/** An address that a server can be bound to. */
export type BindableAddress = Exclude<Address, { readonly kind: 'hvsock' }>;

/** What is to be seen to when a server is bound. */
export interface BindOptions extends SocketRights {
  /** Whether TCP may be bound to what other machines can reach. */
  readonly allowRemote: boolean;
}

/**
 * Binds a server and makes it listen; the stale file of a unix socket is replaced.
 *
 * @param options - rights are those of a unix socket, and kept from no other
 * @throws Error whose message is a clause that says what is wrong; its `cause` is the system's error
 */
export async function bindServer(
  server: Server,
  address: BindableAddress,
  options: BindOptions,
): Promise<void> {
  try {
    if (address.kind === 'unix') await bindUnix(server, address, options);
    else await bindElsewhere(server, address, options);
  } catch (error) {
    if (errorCode(error) === undefined) throw error;
    throw new Error(problemOf(address, error), { cause: error });
  }
}

type UnixAddress = BindableAddress & { readonly kind: 'unix' };

async function bindUnix(server: Server, address: UnixAddress, options: BindOptions): Promise<void> {
  refuseOpenFolder(address.path, options);
  if (cluster.isWorker) await whileAlone(address.path, () => bindShared(server, address, options));
  else await bindReplacingStale(server, address, options);
}

async function bindReplacingStale(
  server: Server,
  address: UnixAddress,
  options: BindOptions,
): Promise<void> {
  const bindIt = (): Promise<void> => bind(server, address, () => setRights(address.path, options));
  try {
    await bindIt();
  } catch (error) {
    if (errorCode(error) !== 'EADDRINUSE') throw error;
    await removeStaleSocket(address.path, error);
    await bindIt();
  }
}

/** A name is resolved first, so that what is looked at is what is bound. */
async function bindElsewhere(
  server: Server,
  address: BindableAddress,
  { allowRemote }: BindOptions,
): Promise<void> {
  if (address.kind === 'tcp') {
    const host = await resolveHost(address.host);
    refuseRemote(host, allowRemote);
    await bind(server, { ...address, host }, undefined);
    return;
  }
  await bind(server, address, () => {
    const bound = server.address();
    if (typeof bound === 'object' && bound?.address !== undefined) {
      refuseRemote(bound.address, allowRemote);
    }
  });
}

/**
 * Shares the primary's socket, in a worker of `node:cluster`. The primary binds it for the first
 * worker that asks and hands it to the others, who find it in use and yet may have it: so a stale
 * file goes before, and only the primary can tell who else's it is. One worker after the other: until
 * the first listens, the primary's socket refuses connections as a stale one does.
 */
async function bindShared(
  server: Server,
  address: UnixAddress,
  rights: SocketRights,
): Promise<void> {
  await removeStaleSocket(address.path, undefined).catch(() => undefined);
  try {
    await bind(server, address, undefined);
    setRights(address.path, rights);
  } catch (error) {
    server.close();
    if (errorCode(error) === 'EADDRINUSE') await removeStaleSocket(address.path, error);
    throw error;
  }
}

/** @param onBound - called in the same turn, if the address was bound; may throw */
function bind(
  server: Server,
  address: BindableAddress,
  onBound: (() => void) | undefined,
): Promise<void> {
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
      if (server.listening) onBound?.();
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
