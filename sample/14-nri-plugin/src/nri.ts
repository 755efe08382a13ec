import { join } from 'node:path';

/** The definitions of NRI's services. */
export const NRI = {
  package: 'nri.pkg.api.v1alpha1',
  protoPath: join(import.meta.dirname, '../../containerd-proto/nri-v1alpha1.proto'),
  loader: { enums: String, arrays: true },
} as const;

/** What this plugin reads of a pod; there is more of it in nri-v1alpha1.proto. */
export interface Pod {
  id: string;
  name: string;
  namespace: string;
}

/** What it reads of a container. */
export interface Container {
  id: string;
  name: string;
  podSandboxId: string;
  env: string[];
}

export interface ConfigureRequest {
  /** The text of `/etc/nri/conf.d/NN-name.conf` or `name.conf`, for a plugin that was launched. */
  config?: string;
  runtimeName?: string;
  runtimeVersion?: string;
}

export interface SynchronizeRequest {
  pods: Pod[];
  containers: Container[];
  /** There are more than fit into one message: the next has the rest. */
  more?: boolean;
}

/** What most calls tell of. */
export interface ContainerRequest {
  pod: Pod;
  container: Container;
}

export interface UpdateContainerRequest extends ContainerRequest {
  linuxResources?: { cpu?: { shares?: { value?: { toString(): string } } } };
}

/** How runtimes before NRI 0.12 tell of what has an rpc of its own since then. */
export interface StateChangeEvent extends ContainerRequest {
  event: string;
}

/** What is to be changed of a container before it is made. */
export interface ContainerAdjustment {
  env: { key: string; value: string }[];
}

/** What the plugin may call. */
export interface RuntimeService {
  registerPlugin(
    request: { pluginName: string; pluginIdx: string },
    options?: object,
  ): Promise<object>;
}
