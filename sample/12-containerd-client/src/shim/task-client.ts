import type { ShimBundle } from 'nestjs-ttrpc/containerd';
import { TtrpcClient, type CallOptions, type MethodDefinition } from 'nestjs-ttrpc/engine';
import { TASK_CATALOG } from '../protos.js';
import type {
  ConnectResponse,
  PidsResponse,
  StateResponse,
  StatsResponse,
  TaskRequest,
  WaitResponse,
} from './task-messages.js';

/** How long a shim may take to answer what it knows, in milliseconds. */
const ANSWER_MS = 2000;

/** The task service of one task's shim. */
export class TaskClient {
  readonly #client: TtrpcClient;
  readonly #service: string;
  readonly #request: TaskRequest;
  readonly #metadata: Readonly<Record<string, string>>;

  /** @throws DefinitionError when the shim speaks a version that we have no .proto of */
  constructor({ id, namespace, address, version }: ShimBundle) {
    this.#service = TASK_CATALOG.service(`containerd.task.v${version}.Task`).name;
    this.#client = new TtrpcClient({ address });
    this.#request = { id };
    this.#metadata = { 'containerd-namespace-ttrpc': namespace };
  }

  connect(): Promise<ConnectResponse> {
    return this.#call('Connect', { timeoutMs: ANSWER_MS });
  }

  state(): Promise<StateResponse> {
    return this.#call('State', { timeoutMs: ANSWER_MS });
  }

  pids(): Promise<PidsResponse> {
    return this.#call('Pids', { timeoutMs: ANSWER_MS });
  }

  stats(): Promise<StatsResponse> {
    return this.#call('Stats', { timeoutMs: ANSWER_MS });
  }

  /** Lasts until the task exits, or the shim or this client goes: days, so there is no deadline. */
  wait(): Promise<WaitResponse> {
    return this.#call('Wait', {});
  }

  /** Ends every call. */
  close(): Promise<void> {
    return this.#client.close();
  }

  #call<Response>(name: string, options: CallOptions): Promise<Response> {
    const method: MethodDefinition<TaskRequest, Response> = TASK_CATALOG.method(
      this.#service,
      name,
    );
    return this.#client.unary(method, this.#request, { ...options, metadata: this.#metadata });
  }
}
