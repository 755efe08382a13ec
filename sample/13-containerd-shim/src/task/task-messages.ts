import type { ProtoAny, ProtoTimestamp } from 'nestjs-ttrpc/containerd';

/** What a task is doing: the enum of task-types.proto. */
export type Status = 'CREATED' | 'RUNNING' | 'STOPPED' | 'PAUSED';

/** Where the streams of a process are. */
export interface Streams {
  stdin: string;
  stdout: string;
  stderr: string;
  terminal: boolean;
}

export interface Mount {
  type: string;
  source: string;
  target: string;
  options: string[];
}

export interface CreateTaskRequest extends Streams {
  id: string;
  bundle: string;
  rootfs: Mount[];
  checkpoint: string;
}

export interface ExecProcessRequest extends Streams {
  id: string;
  execId: string;
  /** Nothing where the client has said nothing. */
  spec?: ProtoAny;
}

/** Which process: the container's first one where `execId` is empty. */
export interface ProcessRequest {
  id: string;
  execId: string;
}

export interface KillRequest extends ProcessRequest {
  signal: number;
  all: boolean;
}

export interface StateResponse extends Streams {
  id: string;
  bundle: string;
  pid: number;
  status: Status;
  exitStatus: number;
  exitedAt?: ProtoTimestamp;
  execId: string;
}

export interface DeleteResponse {
  pid: number;
  exitStatus: number;
  exitedAt?: ProtoTimestamp;
}
