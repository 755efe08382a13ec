import { decodeShimMessage, encodeShimMessage, type ShimMessages } from './shim-messages.js';
import type { ProtoAny } from './typeurl.js';

/** What containerd 2.3 and later says to a shim that it starts, beside its arguments. */
export interface BootstrapParams {
  /** As `2.3.4`. */
  readonly containerdVersion: string;
  /** containerd's ttrpc socket, which takes events. */
  readonly ttrpcAddress: string;
  /** Where shims put their sockets; empty where containerd leaves that to them. */
  readonly socketDir: string;
  /** What else there is, among it the runtime's options. */
  readonly extensions: readonly ProtoAny[];
}

/** What a shim has read when it is started. */
export interface ShimInput {
  /** Of containerd 2.3 and later. */
  readonly params?: BootstrapParams | undefined;
  /** The runtime's options, of containerd before 2.3; there may be none. */
  readonly options?: ProtoAny | undefined;
}

/**
 * Reads what containerd has written to a shim's stdin: its parameters from 2.3 on, and before that
 * the runtime's options, or nothing.
 *
 * Bytes of one can look like the other, so that they are parameters only if they name the container.
 *
 * @param bytes - all that there was
 * @param id - the container's, as the arguments say it
 * @throws TypeError when it is neither
 */
export function readShimInput(bytes: Uint8Array, id: string): ShimInput {
  if (bytes.length === 0) return {};
  const params = attempt('BootstrapParams', bytes);
  if (params?.instance_id === id) return { params: paramsOf(params) };
  const options = attempt('Any', bytes);
  if (options !== undefined && options.type_url !== '') return { options };
  throw new TypeError(
    `stdin of a shim must have the BootstrapParams of ${id} or an Any, got ${bytes.length} other bytes`,
  );
}

function attempt<Name extends 'Any' | 'BootstrapParams'>(
  name: Name,
  bytes: Uint8Array,
): ShimMessages[Name] | undefined {
  try {
    return decodeShimMessage(name, bytes);
  } catch {
    return undefined;
  }
}

function paramsOf(params: ShimMessages['BootstrapParams']): BootstrapParams {
  return {
    containerdVersion: params.containerd_version,
    ttrpcAddress: params.containerd_ttrpc_address,
    socketDir: params.socket_dir,
    extensions: params.extensions.flatMap(({ value }) => value ?? []),
  };
}

/** How to answer `start`, and which version of the task service to name. */
export interface ShimAnswer {
  /**
   * - `plain`: the address alone, which every containerd reads as version 2
   * - `json`: from containerd 1.7 on; version 3 from 2.0 on
   * - `protobuf`: from containerd 2.3 on, which is whoever has sent {@link BootstrapParams}
   *
   * @defaultValue plain
   */
  readonly format?: 'plain' | 'json' | 'protobuf' | undefined;
  /**
   * Of the task service that containerd is to use: 2 or 3, the plain format has 2 only.
   * @defaultValue 2
   */
  readonly version?: 2 | 3 | undefined;
}

/**
 * The answer to `start`: what a shim writes to its stdout, and nothing else beside it.
 *
 * | format | 1.6 | 1.7 | 2.0 to 2.2 | 2.3 |
 * | --- | --- | --- | --- | --- |
 * | `plain` | task v2 | task v2 | task v2 | task v2 |
 * | `json` | no | task v2 | task v2 or v3 | task v2 or v3 |
 * | `protobuf` | no | no | no | task v2 or v3 |
 *
 * @param address - where the shim listens, as `unix:///run/containerd/s/…`
 * @throws TypeError when the format is none, or can't tell the version
 */
export function formatShimAnswer(address: string, answer: ShimAnswer = {}): Uint8Array {
  const { format = 'plain', version = 2 } = answer;
  const result = { version, address, protocol: 'ttrpc' };
  switch (format) {
    case 'plain':
      if (version === 2) return Buffer.from(address);
      throw new TypeError(`the plain format stands for version 2, got version ${String(version)}`);
    case 'json':
      return Buffer.from(JSON.stringify(result));
    case 'protobuf':
      return encodeShimMessage('BootstrapResult', result);
    default:
      throw new TypeError(`format must be plain, json or protobuf, got ${String(format)}`);
  }
}
