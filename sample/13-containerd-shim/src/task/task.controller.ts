import { Controller, Inject } from '@nestjs/common';
import { GrpcMethod } from '@nestjs/microservices';
import { toTimestamp } from 'nestjs-ttrpc/containerd';
import { SHUTDOWN, type Shutdown } from '../shutdown.js';
import type {
  CreateTaskRequest,
  DeleteResponse,
  ExecProcessRequest,
  KillRequest,
  ProcessRequest,
  StateResponse,
} from './task-messages.js';
import { Tasks } from './tasks.js';

/**
 * `containerd.task.v2.Task` and `containerd.task.v3.Task`, which are the same but for their package:
 * the bare name means both. What has no handler (Checkpoint, ResizePty, Stats, Update) is answered
 * UNIMPLEMENTED.
 */
@Controller()
export class TaskController {
  constructor(
    private readonly tasks: Tasks,
    @Inject(SHUTDOWN) private readonly shutDown: Shutdown,
  ) {}

  @GrpcMethod('Task')
  async create(request: CreateTaskRequest): Promise<{ pid: number }> {
    const { init } = await this.tasks.create(request);
    return { pid: init.pid };
  }

  @GrpcMethod('Task')
  async start({ id, execId }: ProcessRequest): Promise<{ pid: number }> {
    return { pid: await this.tasks.get(id).start(execId) };
  }

  @GrpcMethod('Task')
  state({ id, execId }: ProcessRequest): StateResponse {
    const task = this.tasks.get(id);
    const { pid, exit, streams } = task.process(execId);
    const status = task.status(execId);
    const exitStatus = exit?.status ?? 0;
    const exitedAt = exit && toTimestamp(exit.at);
    return { id, bundle: task.bundle, pid, status, ...streams, exitStatus, exitedAt, execId };
  }

  @GrpcMethod('Task')
  async pids({ id }: { id: string }): Promise<{ processes: { pid: number }[] }> {
    const pids = await this.tasks.get(id).pids();
    return { processes: pids.map((pid) => ({ pid })) };
  }

  @GrpcMethod('Task')
  async kill({ id, execId, signal, all }: KillRequest): Promise<object> {
    await this.tasks.get(id).kill(execId, signal, all);
    return {};
  }

  @GrpcMethod('Task')
  async wait({ id, execId }: ProcessRequest): Promise<Omit<DeleteResponse, 'pid'>> {
    const { status, at } = await this.tasks.get(id).process(execId).exited;
    return { exitStatus: status, exitedAt: toTimestamp(at) };
  }

  @GrpcMethod('Task')
  exec(request: ExecProcessRequest): object {
    this.tasks.get(request.id).addExec(request);
    return {};
  }

  @GrpcMethod('Task', 'CloseIO')
  closeIO({ id, execId, stdin }: ProcessRequest & { stdin: boolean }): object {
    if (stdin) this.tasks.get(id).process(execId).closeStdin();
    return {};
  }

  @GrpcMethod('Task')
  async pause({ id }: { id: string }): Promise<object> {
    await this.tasks.get(id).pause();
    return {};
  }

  @GrpcMethod('Task')
  async resume({ id }: { id: string }): Promise<object> {
    await this.tasks.get(id).resume();
    return {};
  }

  @GrpcMethod('Task')
  async delete({ id, execId }: ProcessRequest): Promise<DeleteResponse> {
    const { pid, exit } = await this.tasks.get(id).delete(execId);
    if (execId === '') this.tasks.forget(id);
    return { pid, exitStatus: exit?.status ?? 0, exitedAt: exit && toTimestamp(exit.at) };
  }

  @GrpcMethod('Task')
  connect({ id }: { id: string }): { shimPid: number; taskPid: number; version: string } {
    const taskPid = this.tasks.find(id)?.init.pid ?? 0;
    return { shimPid: process.pid, taskPid, version: '' };
  }

  @GrpcMethod('Task')
  shutdown(): object {
    // The last container of a pod turns off the light.
    if (this.tasks.size === 0) this.shutDown();
    return {};
  }
}
