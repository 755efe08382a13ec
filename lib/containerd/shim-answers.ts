import { encodeShimMessage } from './shim-messages.js';
import { toTimestamp } from './timestamp.js';

/** A container that a shim has cleaned up. */
export interface DeadContainer {
  /** Of its first process; 0 where nobody knows it any more. */
  readonly pid?: number | undefined;
  /** 128 and the signal, if one has ended it. */
  readonly exitStatus: number;
  /** @defaultValue now */
  readonly exitedAt?: Date | undefined;
}

/** The answer to `delete`, for stdout: a `containerd.task.v2.DeleteResponse`. */
export function formatDeleteAnswer(container: DeadContainer): Uint8Array {
  const { pid = 0, exitStatus, exitedAt } = container;
  const exited_at = toTimestamp(exitedAt);
  return encodeShimMessage('DeleteResponse', { pid, exit_status: exitStatus, exited_at });
}

/** What a shim says of itself. */
export interface ShimIdentity {
  /** The runtime's name: `io.containerd.NAME.v1`. */
  readonly name: string;
  /** The shim's own version. */
  readonly version: string;
  /** Of its source. */
  readonly revision?: string | undefined;
}

/** The answer to `-info`, for stdout: a `containerd.types.RuntimeInfo`. */
export function formatInfoAnswer({ name, version, revision = '' }: ShimIdentity): Uint8Array {
  return encodeShimMessage('RuntimeInfo', { name, version: { version, revision } });
}
