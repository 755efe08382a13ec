import type { Status } from '../shim/task-messages.js';
import type { Usage } from '../shim/usage.js';

/** How a task ended. */
export interface Exit {
  /** As a shell has it: 137 of a process that signal 9 ended. */
  readonly status: number;
  /** ISO 8601. */
  readonly at?: string;
}

/** What the page shows of a task. */
export interface TaskView {
  readonly namespace: string;
  readonly id: string;
  readonly status: Status;
  readonly pid: number;
  /** Of every process in its container. */
  readonly pids: readonly number[];
  /** Version of the task service that the shim speaks. */
  readonly version: number;
  readonly shimPid: number;
  readonly usage?: Usage;
  readonly exit?: Exit;
  /** Why the rest is not of now. */
  readonly problem?: string;
}

/** An exit that was seen. */
export interface ExitView extends Exit {
  readonly namespace: string;
  readonly id: string;
  readonly pid: number;
}

/** What the page shows. */
export interface LiveView {
  readonly tasks: readonly TaskView[];
  /** The newest first. */
  readonly exits: readonly ExitView[];
  /** What could not be looked at, and why. */
  readonly problems: readonly string[];
}
