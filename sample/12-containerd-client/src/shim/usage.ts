import { unpackAny, type ProtoAny } from 'nestjs-ttrpc/containerd';
import { TASK_CATALOG } from '../protos.js';
import type { MetricsV1, MetricsV2 } from './task-messages.js';

/** What a task uses. */
export interface Usage {
  readonly processes: number;
  readonly cpuSeconds: number;
  readonly memoryBytes: number;
  /** Absent if there is none. */
  readonly memoryLimitBytes?: number;
}

/** From here on a limit is none: cgroups write 2^63 - 1 rounded down to pages, or 2^64 - 1. */
const NO_LIMIT = 2 ** 62;

/** Reads the answer to Stats; `undefined` if it is of no kind that we know. */
export function usageOf(stats: ProtoAny): Usage | undefined {
  const { typeName, message } = unpackAny(TASK_CATALOG, stats) ?? {};
  if (typeName === 'io.containerd.cgroups.v1.Metrics') return fromV1(message as MetricsV1);
  if (typeName === 'io.containerd.cgroups.v2.Metrics') return fromV2(message as MetricsV2);
  return undefined;
}

function fromV1({ pids, cpu, memory }: MetricsV1): Usage {
  const { usage, limit } = memory?.usage ?? { usage: 0, limit: 0 };
  return {
    processes: pids?.current ?? 0,
    cpuSeconds: (cpu?.usage?.total ?? 0) / 1e9,
    memoryBytes: usage,
    ...limited(limit),
  };
}

function fromV2({ pids, cpu, memory }: MetricsV2): Usage {
  const { usage, usageLimit } = memory ?? { usage: 0, usageLimit: 0 };
  return {
    processes: pids?.current ?? 0,
    cpuSeconds: (cpu?.usageUsec ?? 0) / 1e6,
    memoryBytes: usage,
    ...limited(usageLimit),
  };
}

function limited(bytes: number): { memoryLimitBytes?: number } {
  return bytes > 0 && bytes < NO_LIMIT ? { memoryLimitBytes: bytes } : {};
}
