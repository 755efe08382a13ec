import { loadProtoText } from '../proto/proto-text.js';
import type { ProtoTimestamp } from './timestamp.js';
import type { ProtoAny } from './typeurl.js';

/**
 * What a shim reads and writes outside of its services.
 *
 * Source: the Go module github.com/containerd/containerd/api v1.11.1: `runtime/bootstrap/v1`,
 * `runtime/task/v2`, `types`. A test holds it against the .proto files of the samples, which are
 * held against that module.
 */
const CATALOG = loadProtoText(
  `
  syntax = "proto3";
  package shim;
  message Any { string type_url = 1; bytes value = 2; }
  message BootstrapParams {
    string instance_id = 1;
    string namespace = 2;
    int32 log_level = 3;
    string containerd_version = 4;
    string containerd_ttrpc_address = 5;
    string containerd_grpc_address = 6;
    string containerd_binary = 7;
    repeated Extension extensions = 8;
    string socket_dir = 9;
  }
  message Extension { Any value = 1; }
  message BootstrapResult { int32 version = 1; string address = 2; string protocol = 3; }
  message DeleteResponse { uint32 pid = 1; uint32 exit_status = 2; Timestamp exited_at = 3; }
  message Timestamp { int64 seconds = 1; int32 nanos = 2; }
  message RuntimeInfo { string name = 1; RuntimeVersion version = 2; Any options = 3; }
  message RuntimeVersion { string version = 1; string revision = 2; }
  `,
  { defaults: true, arrays: true },
);

/** The messages, by their names. */
export interface ShimMessages {
  readonly Any: ProtoAny;
  readonly BootstrapParams: {
    readonly instance_id: string;
    readonly namespace: string;
    readonly log_level: number;
    readonly containerd_version: string;
    readonly containerd_ttrpc_address: string;
    readonly containerd_grpc_address: string;
    readonly containerd_binary: string;
    readonly extensions: readonly { readonly value: ProtoAny | null }[];
    readonly socket_dir: string;
  };
  readonly BootstrapResult: {
    readonly version: number;
    readonly address: string;
    readonly protocol: string;
  };
  readonly DeleteResponse: {
    readonly pid: number;
    readonly exit_status: number;
    readonly exited_at: ProtoTimestamp;
  };
  readonly RuntimeInfo: {
    readonly name: string;
    readonly version: { readonly version: string; readonly revision: string };
    readonly options?: ProtoAny | undefined;
  };
}

/** @throws Error when the bytes are no such message */
export function decodeShimMessage<Name extends keyof ShimMessages>(
  name: Name,
  bytes: Uint8Array,
): ShimMessages[Name] {
  const found = CATALOG.decodeAny({ typeUrl: `shim.${name}`, value: bytes });
  return found?.message as ShimMessages[Name];
}

/** The bytes of a message. */
export function encodeShimMessage<Name extends keyof ShimMessages>(
  name: Name,
  message: ShimMessages[Name],
): Uint8Array {
  return CATALOG.encodeAny(`shim.${name}`, message).value;
}
