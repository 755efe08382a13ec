import { Module, type DynamicModule } from '@nestjs/common';
import { TtrpcModule } from 'nestjs-ttrpc';
import type { NriLink } from 'nestjs-ttrpc/containerd';
import { NRI } from '../nri.js';
import { Containers } from './containers.js';
import { Environment } from './environment.js';
import { PluginController } from './plugin.controller.js';

/** The plugin's server, and its client of the runtime on the same socket. */
@Module({})
export class PluginModule {
  static register(link: NriLink): DynamicModule {
    return {
      module: PluginModule,
      imports: [TtrpcModule.register({ ...NRI, dial: link.dial, features: ['Runtime'] })],
      controllers: [PluginController],
      providers: [Containers, Environment],
    };
  }
}
