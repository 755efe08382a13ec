import type { ProtoAny, ProtoTimestamp } from 'nestjs-ttrpc/containerd';

/** What a task is doing: the enum of task-types.proto. */
export type Status = 'UNKNOWN' | 'CREATED' | 'RUNNING' | 'STOPPED' | 'PAUSED' | 'PAUSING';

/** Every request of the task service that this sample makes. */
export interface TaskRequest {
  readonly id: string;
}

export interface StateResponse {
  readonly pid: number;
  readonly status: Status;
  readonly exitStatus: number;
  readonly exitedAt?: ProtoTimestamp;
}

export interface PidsResponse {
  readonly processes: readonly { readonly pid: number }[];
}

export interface WaitResponse {
  readonly exitStatus: number;
  readonly exitedAt?: ProtoTimestamp;
}

export interface StatsResponse {
  readonly stats?: ProtoAny;
}

export interface ConnectResponse {
  readonly shimPid: number;
}

/** What is read of `io.containerd.cgroups.v1.Metrics`. */
export interface MetricsV1 {
  readonly pids: { readonly current: number } | null;
  readonly cpu: { readonly usage: { readonly total: number } | null } | null;
  readonly memory: {
    readonly usage: { readonly usage: number; readonly limit: number } | null;
  } | null;
}

/** What is read of `io.containerd.cgroups.v2.Metrics`. */
export interface MetricsV2 {
  readonly pids: { readonly current: number } | null;
  readonly cpu: { readonly usageUsec: number } | null;
  readonly memory: { readonly usage: number; readonly usageLimit: number } | null;
}
