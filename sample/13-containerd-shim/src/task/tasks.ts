import { alreadyExists, notFound } from './failures.js';
import type { Runc } from './runc.js';
import type { TaskEvents } from './task-events.js';
import type { CreateTaskRequest } from './task-messages.js';
import { Task } from './task.js';

/** The containers of this shim. */
export class Tasks {
  readonly #runc: Runc;
  readonly #events: TaskEvents;
  /** A container that is being made is there already, so that nobody makes a second. */
  readonly #tasks = new Map<string, Task | undefined>();

  constructor(runc: Runc, events: TaskEvents) {
    this.#runc = runc;
    this.#events = events;
  }

  get size(): number {
    return this.#tasks.size;
  }

  async create(request: CreateTaskRequest): Promise<Task> {
    const { id } = request;
    if (this.#tasks.has(id)) throw alreadyExists(`task ${id} exists`);
    this.#tasks.set(id, undefined);
    try {
      const task = await Task.create(request, this.#runc, this.#events);
      this.#tasks.set(id, task);
      return task;
    } catch (error) {
      this.#tasks.delete(id);
      throw error;
    }
  }

  find(id: string): Task | undefined {
    return this.#tasks.get(id);
  }

  /** @throws StatusError NOT_FOUND */
  get(id: string): Task {
    const task = this.find(id);
    if (task === undefined) throw notFound(`task ${id} not found`);
    return task;
  }

  forget(id: string): void {
    this.#tasks.delete(id);
  }
}
