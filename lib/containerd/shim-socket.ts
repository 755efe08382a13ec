import { createHash } from 'node:crypto';
import { join } from 'node:path';

/** Where shims' sockets are; root's only. */
const SOCKET_FOLDER = '/run/containerd/s';

/** What one shim is for. */
export interface ShimSocketOptions {
  /** containerd's gRPC socket: two daemons have shims of their own. */
  readonly address: string;
  /** containerd's namespace. */
  readonly namespace: string;
  /** The container's id, or what the containers of one shim have in common. */
  readonly id: string;
  /** @defaultValue `/run/containerd/s` */
  readonly folder?: string | undefined;
}

/**
 * The path of a shim's socket: always the same for the same shim, and short, whatever the names are.
 *
 * Source: containerd `pkg/shim/util_unix.go`, `SocketAddress`.
 */
export function shimSocketPath(options: ShimSocketOptions): string {
  const { address, namespace, id, folder = SOCKET_FOLDER } = options;
  const name = createHash('sha256')
    .update(join(address, namespace, id))
    .digest('hex');
  return join(folder, name);
}
