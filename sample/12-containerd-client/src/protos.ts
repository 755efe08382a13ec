import { join } from 'node:path';
import { loadServices } from 'nestjs-ttrpc/engine';

/** A file of ../containerd-proto. */
export function protoPath(file: string): string {
  return join(import.meta.dirname, '../../containerd-proto', file);
}

/** How messages look: a count of bytes may be above 2^53, but then it only means "no limit". */
export const LOADER = { longs: Number, enums: String, defaults: true } as const;

/** The task services, and what is in their Anys. */
export const TASK_CATALOG = loadServices({
  protoPath: ['task-v2.proto', 'task-v3.proto', 'cgroups-v1.proto', 'cgroups-v2.proto'].map(
    protoPath,
  ),
  loader: LOADER,
});
