import { writeFile } from 'node:fs/promises';
import { kill } from 'node:process';
import {
  alreadyExists,
  failed,
  failedPrecondition,
  notFound,
  told,
  unimplemented,
} from './failures.js';
import { Foreground } from './foreground.js';
import { Gate, initPid } from './gate.js';
import { mount, unmount } from './mounts.js';
import { isGone, type Runc } from './runc.js';
import type { TaskEvents } from './task-events.js';
import type { CreateTaskRequest, ExecProcessRequest, Status } from './task-messages.js';
import { TaskProcess } from './task-process.js';

/** A container, with its processes. */
export class Task {
  readonly id: string;
  readonly bundle: string;
  readonly init: TaskProcess;
  readonly #runc: Runc;
  readonly #events: TaskEvents;
  readonly #gate: Gate;
  readonly #execs = new Map<string, { process: TaskProcess; request: ExecProcessRequest }>();
  #paused = false;

  private constructor(request: CreateTaskRequest, runc: Runc, events: TaskEvents, gate: Gate) {
    this.id = request.id;
    this.bundle = request.bundle;
    this.#runc = runc;
    this.#events = events;
    this.#gate = gate;
    this.init = new TaskProcess(request, {
      started: (pid) => events.started(this.id, pid),
      exited: (pid, exit) => events.exited(this.id, this.id, pid, exit),
    });
  }

  /**
   * Makes a container, whose first process waits to be started.
   *
   * @throws StatusError with what runc complains; nothing is left then
   */
  static async create(request: CreateTaskRequest, runc: Runc, events: TaskEvents): Promise<Task> {
    const { id, bundle, rootfs } = request;
    if (request.terminal) throw unimplemented(NO_TERMINAL);
    if (request.checkpoint !== '') throw unimplemented('checkpoints are not supported');
    let gate: Gate | undefined;
    try {
      await mount(rootfs, `${bundle}/rootfs`);
      gate = await Gate.build(bundle);
      const task = new Task(request, runc, events, gate);
      const log = `${bundle}/log.json`;
      const args = ['run', '--bundle', bundle, '--pid-file', task.#pidFile(''), id];
      const foreground = new Foreground(runc.foreground(log, ...args), request, log);
      if (!(await foreground.writes(gate.made))) throw failed(foreground.complaint);
      task.init.pid = initPid(bundle);
      events.created(request, task.init.pid);
      task.init.attach(foreground);
      return task;
    } catch (error) {
      gate?.refuse();
      await unmount(`${bundle}/rootfs`);
      throw told(error);
    }
  }

  /** @throws StatusError NOT_FOUND */
  process(execId: string): TaskProcess {
    const process = execId === '' ? this.init : this.#execs.get(execId)?.process;
    if (process === undefined) throw notFound(`process ${execId} of ${this.id} not found`);
    return process;
  }

  status(execId: string): Status {
    const { status } = this.process(execId);
    return this.#paused && status === 'RUNNING' ? 'PAUSED' : status;
  }

  /** @throws StatusError with what runc complains */
  async start(execId: string): Promise<number> {
    const process = this.process(execId);
    if (process.status !== 'CREATED') throw failedPrecondition(`${this.id} was started before`);
    if (execId === '') this.#gate.open();
    else await this.#execute(execId, process);
    await process.start(this.#pidFile(execId));
    return process.pid;
  }

  /** Prepares another process in the container. */
  addExec(request: ExecProcessRequest): void {
    const { execId, terminal } = request;
    if (terminal) throw unimplemented(NO_TERMINAL);
    if (this.#execs.has(execId)) throw alreadyExists(`process ${execId} of ${this.id} exists`);
    const process = new TaskProcess(request, {
      started: (pid) => this.#events.execStarted(this.id, execId, pid),
      exited: (pid, exit) => {
        if (pid !== 0) this.#events.exited(this.id, execId, pid, exit);
      },
    });
    this.#execs.set(execId, { process, request });
    this.#events.execAdded(this.id, execId);
  }

  /** @throws StatusError NOT_FOUND for a process that has ended */
  async kill(execId: string, signal: number, all: boolean): Promise<void> {
    const process = this.process(execId);
    if (process.status === 'STOPPED') throw notFound('process already finished');
    if (execId === '') await this.#killInit(signal, all);
    else if (process.pid !== 0) killExec(process.pid, signal);
  }

  async pids(): Promise<number[]> {
    if (this.init.status !== 'RUNNING') return [this.init.pid];
    return JSON.parse(await this.#runc.run('ps', '--format=json', this.id)) as number[];
  }

  async pause(): Promise<void> {
    await this.#runc.run('pause', this.id);
    this.#paused = true;
    this.#events.paused(this.id);
  }

  async resume(): Promise<void> {
    await this.#runc.run('resume', this.id);
    this.#paused = false;
    this.#events.resumed(this.id);
  }

  /** Forgets a process that has ended, or never ran; with the first one the container goes. */
  async delete(execId: string): Promise<TaskProcess> {
    const process = this.process(execId);
    if (process.status === 'RUNNING') throw failedPrecondition(`${this.id} is running`);
    if (execId !== '') {
      this.#execs.delete(execId);
      return process;
    }
    this.#gate.refuse();
    const exit = await process.exited;
    await unmount(`${this.bundle}/rootfs`);
    this.#events.deleted(this.id, process.pid, exit);
    return process;
  }

  /** Starts the runc of an exec. */
  async #execute(execId: string, process: TaskProcess): Promise<void> {
    const { request } = this.#execs.get(execId)!;
    const file = `${this.bundle}/exec-${execId}`;
    // It is JSON, whatever the Any's type says.
    await writeFile(`${file}.json`, request.spec?.value ?? '{}');
    const log = `${file}.log.json`;
    const options = ['--process', `${file}.json`, '--pid-file', this.#pidFile(execId)];
    const args = this.#runc.foreground(log, 'exec', ...options, this.id);
    try {
      process.attach(new Foreground(args, request, log));
    } catch (error) {
      throw told(error);
    }
  }

  async #killInit(signal: number, all: boolean): Promise<void> {
    if (this.init.status === 'CREATED') {
      this.init.killedBy = signal;
      this.#gate.refuse();
      return;
    }
    try {
      await this.#runc.run('kill', ...(all ? ['--all'] : []), this.id, String(signal));
    } catch (error) {
      throw isGone(error) ? notFound('process already finished') : error;
    }
  }

  #pidFile(execId: string): string {
    return `${this.bundle}/${execId === '' ? 'init' : `exec-${execId}`}.pid`;
  }
}

const NO_TERMINAL = 'terminals are not supported: runc hands them over in a way that Node has not';

function killExec(pid: number, signal: number): void {
  try {
    kill(pid, signal);
  } catch {
    throw notFound('process already finished');
  }
}
