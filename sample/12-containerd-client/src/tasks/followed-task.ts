import { fromTimestamp, type ShimBundle } from 'nestjs-ttrpc/containerd';
import { TaskClient } from '../shim/task-client.js';
import type { StateResponse, WaitResponse } from '../shim/task-messages.js';
import { usageOf, type Usage } from '../shim/usage.js';
import type { Exit, ExitView, TaskView } from './task-view.js';

/** A task from when its bundle is found until it is gone. */
export class FollowedTask {
  readonly #shim: ShimBundle;
  readonly #client: TaskClient;
  readonly #onExit: (exit: ExitView) => void;
  /** The process whose exit is waited for. */
  #waitingFor: number | undefined;
  #view: TaskView;

  constructor(shim: ShimBundle, onExit: (exit: ExitView) => void) {
    const { namespace, id, version } = shim;
    this.#shim = shim;
    this.#client = new TaskClient(shim);
    this.#onExit = onExit;
    this.#view = { namespace, id, version, status: 'UNKNOWN', pid: 0, pids: [], shimPid: 0 };
  }

  /** What was last seen. */
  get view(): TaskView {
    return this.#view;
  }

  /** Whether this is still where that task's shim listens. */
  serves({ address, version }: ShimBundle): boolean {
    return address === this.#shim.address && version === this.#shim.version;
  }

  /** Asks the shim; never fails. */
  async refresh(): Promise<void> {
    try {
      const [state, { shimPid }] = await Promise.all([
        this.#client.state(),
        this.#client.connect(),
      ]);
      this.#follow(state.pid);
      this.#view = { ...this.#known(state), shimPid, ...(await this.#inside(state)) };
    } catch (error) {
      this.#view = { ...this.#view, problem: (error as Error).message };
    }
  }

  /** Ends every call, and with it what waits for the exit. */
  close(): Promise<void> {
    return this.#client.close();
  }

  #known(state: StateResponse): Omit<TaskView, 'pids' | 'shimPid'> {
    const { namespace, id, version } = this.#shim;
    const { pid, status } = state;
    const exit = status === 'STOPPED' ? { exit: exitOf(state) } : {};
    return { namespace, id, version, pid, status, ...exit };
  }

  /** What there is only while a container has processes; it may end between two calls. */
  async #inside(state: StateResponse): Promise<{ pids: readonly number[]; usage?: Usage }> {
    if (!isAlive(state)) return { pids: [] };
    const [pids, stats] = await Promise.allSettled([this.#client.pids(), this.#client.stats()]);
    const usage = stats.status === 'fulfilled' && stats.value.stats && usageOf(stats.value.stats);
    return {
      pids: pids.status === 'fulfilled' ? pids.value.processes.map(({ pid }) => pid) : [],
      ...(usage ? { usage } : {}),
    };
  }

  /**
   * Waits for the exit of a process, once; the next refresh tries again if the shim is lost. Of one
   * that has exited already the shim tells at once.
   */
  #follow(pid: number): void {
    if (this.#waitingFor === pid) return;
    this.#waitingFor = pid;
    this.#client.wait().then(
      (exit) =>
        this.#onExit({ namespace: this.#shim.namespace, id: this.#shim.id, pid, ...exitOf(exit) }),
      () => {
        if (this.#waitingFor === pid) this.#waitingFor = undefined;
      },
    );
  }
}

function isAlive({ status }: StateResponse): boolean {
  return status !== 'STOPPED' && status !== 'UNKNOWN';
}

function exitOf({ exitStatus, exitedAt }: WaitResponse): Exit {
  const at = fromTimestamp(exitedAt)?.toISOString();
  return { status: exitStatus, ...(at === undefined ? {} : { at }) };
}
