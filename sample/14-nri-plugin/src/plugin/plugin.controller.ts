import { Controller, Logger } from '@nestjs/common';
import { Payload } from '@nestjs/microservices';
import { TtrpcMethod } from 'nestjs-ttrpc';
import { nriEventMask } from 'nestjs-ttrpc/containerd';
import type {
  ConfigureRequest,
  ContainerAdjustment,
  ContainerRequest,
  StateChangeEvent,
  SynchronizeRequest,
  UpdateContainerRequest,
} from '../nri.js';
import { Containers } from './containers.js';
import { Environment } from './environment.js';

/** What the runtime calls. It waits 2 s for an answer, and closes the connection without one. */
@Controller()
export class PluginController {
  private readonly logger = new Logger('Plugin');

  constructor(
    private readonly environment: Environment,
    private readonly containers: Containers,
  ) {}

  /** Comes before or after the registration is answered. */
  @TtrpcMethod('Plugin')
  configure(@Payload() { config = '', runtimeName, runtimeVersion }: ConfigureRequest) {
    this.logger.log(`configured by ${runtimeName} ${runtimeVersion}`);
    this.containers.reset();
    this.environment.configure(config);
    const events = nriEventMask(
      'CreateContainer',
      'UpdateContainer',
      'StopContainer',
      'RemoveContainer',
    );
    return { events };
  }

  /** A part of a synchronisation is answered as such. */
  @TtrpcMethod('Plugin')
  synchronize(@Payload() request: SynchronizeRequest) {
    this.containers.synchronize(request);
    return { more: request.more ?? false };
  }

  @TtrpcMethod('Plugin')
  createContainer(@Payload() { container }: ContainerRequest): { adjust: ContainerAdjustment } {
    const adjust = this.environment.adjustmentOf(container);
    this.containers.add(container);
    this.logger.log(`creating ${container.name} with ${adjust.env.length} more variables`);
    return { adjust };
  }

  @TtrpcMethod('Plugin')
  updateContainer(@Payload() { container, linuxResources }: UpdateContainerRequest) {
    const shares = linuxResources?.cpu?.shares?.value?.toString() ?? 'as they were';
    this.logger.log(`updating ${container.name}: CPU shares ${shares}`);
    return {};
  }

  @TtrpcMethod('Plugin')
  stopContainer(@Payload() { container }: ContainerRequest) {
    this.logger.log(`stopping ${container.name}`);
    return {};
  }

  @TtrpcMethod('Plugin')
  removeContainer(@Payload() { container }: ContainerRequest) {
    this.containers.remove(container);
    return {};
  }

  /** Of older runtimes, which have no rpc for each event. */
  @TtrpcMethod('Plugin')
  stateChange(@Payload() { event, container }: StateChangeEvent) {
    if (event === 'REMOVE_CONTAINER') this.containers.remove(container);
    return {};
  }
}
