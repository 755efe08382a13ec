import { join } from 'node:path';
import { loadServices } from 'nestjs-ttrpc/engine';

/** A file of ../containerd-proto. */
function protoPath(file: string): string {
  return join(import.meta.dirname, '../../containerd-proto', file);
}

/** Both versions of the task service, with the same messages. */
export const TASK_PROTOS = ['task-v2.proto', 'task-v3.proto'].map(protoPath);

/** How messages look. */
export const LOADER = { longs: Number, enums: String, defaults: true } as const;

/** The messages of events. */
export const EVENT_CATALOG = loadServices({ protoPath: protoPath('events.proto') });
