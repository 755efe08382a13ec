import {
  Module,
  type DynamicModule,
  type FactoryProvider,
  type InjectionToken,
  type ModuleMetadata,
} from '@nestjs/common';
import type { ClientGrpc } from '@nestjs/microservices';
import { TTRPC_CLIENT } from './ttrpc.constants.js';
import { getTtrpcServiceToken } from './ttrpc.inject.decorators.js';
import { TtrpcModuleClass } from './ttrpc.module-definition.js';

/**
 * Makes one client injectable, import it once for each; and services of a client.
 *
 * @example
 * ```ts
 * TtrpcModule.register({ name: 'HERO', url: 'unix:///run/hero.sock', package: 'hero', protoPath });
 * TtrpcModule.registerAsync({ name: 'HERO', inject: [Config], useFactory: (config) => config.hero });
 * TtrpcModule.forFeature(['hero.HeroService'], 'HERO');
 * ```
 */
@Module({})
export class TtrpcModule extends TtrpcModuleClass {
  /**
   * Makes services injectable by `@InjectTtrpcService`, each as the client's `getService` gives it.
   *
   * @param services - named as for `getService`
   * @param client - token of the client; a global one, or of one of `imports`
   * @param imports - where the client is from, if it is not global
   * @defaultValue client: `TTRPC_CLIENT`
   */
  static forFeature(
    services: readonly string[],
    client: InjectionToken = TTRPC_CLIENT,
    imports: NonNullable<ModuleMetadata['imports']> = [],
  ): DynamicModule {
    const providers = services.map((service) => serviceProvider(service, client));
    return {
      module: TtrpcModule,
      imports,
      providers,
      exports: providers.map(({ provide }) => provide),
    };
  }
}

function serviceProvider(service: string, client: InjectionToken): FactoryProvider<object> {
  return {
    provide: getTtrpcServiceToken(service, client),
    inject: [client],
    useFactory: (from: ClientGrpc) => from.getService(service),
  };
}
