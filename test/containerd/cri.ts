import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  credentials,
  loadPackageDefinition,
  status,
  type Client,
  type ServiceError,
} from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { until } from './daemon.js';

type Call = (request: object, options: object, callback: Callback) => unknown;
type Callback = (error: ServiceError | null, response: Record<string, string>) => void;

/** Time for a call; making a container takes a tenth of a second. */
const TIMEOUT_MS = 20_000;

/** The kubelet's part: one pod in the host's network, and its containers. */
export class Pod {
  readonly #client: Client & Readonly<Record<string, Call>>;
  readonly #config: object;
  readonly #image: string;
  readonly #logs: string;
  #id = '';

  /**
   * @param address - the daemon's gRPC socket
   * @param logs - a folder for what the containers print
   * @param image - that all containers have
   */
  constructor(address: string, logs: string, image: string) {
    const api = loadPackageDefinition(
      loadSync(join(import.meta.dirname, 'cri.proto')),
    ) as never as {
      runtime: { v1: { RuntimeService: new (...args: unknown[]) => never } };
    };
    const { RuntimeService } = api.runtime.v1;
    this.#client = new RuntimeService(`unix:${address}`, credentials.createInsecure());
    this.#logs = logs;
    this.#image = image;
    this.#config = {
      metadata: { name: 'pod', uid: `uid-${process.pid}`, namespace: 'default' },
      logDirectory: logs,
      linux: { securityContext: { namespaceOptions: { network: 'NODE' } } },
    };
  }

  async run(): Promise<void> {
    this.#id = (await this.#call('RunPodSandbox', { config: this.#config }))['podSandboxId'] ?? '';
  }

  /** Makes a container and starts it; gives its id. */
  async start(name: string, ...command: readonly string[]): Promise<string> {
    const config = {
      metadata: { name },
      image: { image: this.#image },
      command,
      logPath: `${name}.log`,
    };
    const request = { podSandboxId: this.#id, config, sandboxConfig: this.#config };
    const { containerId = '' } = await this.#call('CreateContainer', request);
    await this.#call('StartContainer', { containerId });
    return containerId;
  }

  /** What a container has printed, in CRI's format: time, stream, `F` and the line. */
  async output(name: string): Promise<string> {
    const log = await readFile(join(this.#logs, `${name}.log`), 'utf8');
    return log.replaceAll(/^\S+ \S+ \S /gmu, '');
  }

  async update(containerId: string, cpuShares: number): Promise<void> {
    await this.#call('UpdateContainerResources', { containerId, linux: { cpuShares } });
  }

  async end(containerId: string): Promise<void> {
    await this.#call('StopContainer', { containerId });
    await this.#call('RemoveContainer', { containerId });
  }

  async stop(): Promise<void> {
    try {
      if (this.#id === '') return;
      await this.#call('StopPodSandbox', { podSandboxId: this.#id });
      await this.#call('RemovePodSandbox', { podSandboxId: this.#id });
    } finally {
      this.#client.close();
    }
  }

  /** A daemon that has just started is unavailable at first. */
  async #call(method: string, request: object): Promise<Record<string, string>> {
    let response: Record<string, string> | undefined;
    await until(`containerd takes ${method}`, async () => {
      response = await this.#attempt(method, request);
      return response !== undefined;
    });
    return response as Record<string, string>;
  }

  #attempt(method: string, request: object): Promise<Record<string, string> | undefined> {
    return new Promise((resolve, reject) => {
      const deadline = Date.now() + TIMEOUT_MS;
      this.#client[method]?.(request, { deadline }, (error, response) => {
        if (error === null) resolve(response);
        else if (error.code === status.UNAVAILABLE) resolve(undefined);
        else reject(new Error(`${method}: ${error.message}`, { cause: error }));
      });
    });
  }
}
