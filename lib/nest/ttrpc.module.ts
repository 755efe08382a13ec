import {
  Module,
  type DynamicModule,
  type InjectionToken,
  type ModuleMetadata,
} from '@nestjs/common';
import { serviceProviders } from './service-providers.js';
import { TTRPC_CLIENT } from './ttrpc.constants.js';
import { TtrpcModuleClass } from './ttrpc.module-definition.js';

/**
 * Makes one client injectable, import it once for each; and services of a client.
 *
 * @example
 * ```ts
 * TtrpcModule.register({ url: 'unix:///run/hero.sock', protoPath, features: ['hero.HeroService'] });
 * TtrpcModule.registerAsync({ name: 'HERO', inject: [Config], useFactory: (config) => config.hero });
 * TtrpcModule.forFeature(['hero.HeroService'], 'HERO');
 * ```
 */
@Module({})
export class TtrpcModule extends TtrpcModuleClass {
  /**
   * Makes services of a client injectable by `@InjectTtrpcService` and `@InjectTtrpcPromiseService`,
   * where it was not made by the same module: there the option `features` does it.
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
    const providers = serviceProviders(services, client);
    return {
      module: TtrpcModule,
      imports,
      providers,
      exports: providers.map(({ provide }) => provide),
    };
  }
}
