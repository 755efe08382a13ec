import { packAny, toTimestamp, type EventPublisher } from 'nestjs-ttrpc/containerd';
import { EVENT_CATALOG } from '../protos.js';
import type { Exit } from './foreground.js';
import type { CreateTaskRequest } from './task-messages.js';

/** What containerd is told of tasks. */
export class TaskEvents {
  constructor(private readonly publisher: EventPublisher) {}

  created(request: CreateTaskRequest, pid: number): void {
    const { id: containerId, bundle, rootfs, stdin, stdout, stderr, terminal } = request;
    const io = { stdin, stdout, stderr, terminal };
    this.#publish('create', 'TaskCreate', { containerId, bundle, rootfs, io, pid });
  }

  started(containerId: string, pid: number): void {
    this.#publish('start', 'TaskStart', { containerId, pid });
  }

  execAdded(containerId: string, execId: string): void {
    this.#publish('exec-added', 'TaskExecAdded', { containerId, execId });
  }

  execStarted(containerId: string, execId: string, pid: number): void {
    this.#publish('exec-started', 'TaskExecStarted', { containerId, execId, pid });
  }

  /** @param id - of the exec, or the container's again */
  exited(containerId: string, id: string, pid: number, { status, at }: Exit): void {
    const exitedAt = toTimestamp(at);
    this.#publish('exit', 'TaskExit', { containerId, id, pid, exitStatus: status, exitedAt });
  }

  deleted(containerId: string, pid: number, { status, at }: Exit): void {
    const exitedAt = toTimestamp(at);
    this.#publish('delete', 'TaskDelete', { containerId, pid, exitStatus: status, exitedAt });
  }

  paused(containerId: string): void {
    this.#publish('paused', 'TaskPaused', { containerId });
  }

  resumed(containerId: string): void {
    this.#publish('resumed', 'TaskResumed', { containerId });
  }

  #publish(topic: string, type: string, message: object): void {
    const event = packAny(EVENT_CATALOG, `containerd.events.${type}`, message);
    this.publisher.publish(`/tasks/${topic}`, event);
  }
}
