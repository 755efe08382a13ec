import { Module } from '@nestjs/common';
import { TtrpcModuleClass } from './ttrpc.module-definition.js';

/**
 * Makes one client injectable; import it once for each.
 *
 * @example
 * ```ts
 * TtrpcModule.register({ name: 'HERO', url: 'unix:///run/hero.sock', package: 'hero', protoPath });
 * TtrpcModule.registerAsync({ name: 'HERO', inject: [Config], useFactory: (config) => config.hero });
 * ```
 */
@Module({})
export class TtrpcModule extends TtrpcModuleClass {}
