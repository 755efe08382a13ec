import {
  ConfigurableModuleBuilder,
  type FactoryProvider,
  type InjectionToken,
} from '@nestjs/common';
import { ClientTtrpc } from './client-ttrpc.js';
import { serviceProviders } from './service-providers.js';
import type { ClientTtrpcOptions } from './ttrpc-options.interface.js';
import { TTRPC_CLIENT } from './ttrpc.constants.js';

/** What the module is told beside the client's options. */
export interface TtrpcModuleExtras {
  /**
   * Token to inject the client by.
   * @defaultValue `TTRPC_CLIENT`
   */
  name?: InjectionToken;
  /**
   * Whether other modules may inject it without importing this one.
   * @defaultValue false
   */
  isGlobal?: boolean;
  /**
   * Services of the client to make injectable by `@InjectTtrpcService` and
   * `@InjectTtrpcPromiseService`, named as for `getService`.
   * @defaultValue none
   */
  features?: readonly string[];
}

const DEFAULT_EXTRAS: Required<TtrpcModuleExtras> = {
  name: TTRPC_CLIENT,
  isGlobal: false,
  features: [],
};

const OPTIONS = Symbol('TTRPC_MODULE_OPTIONS');

/** Gives `TtrpcModule` its `register` and `registerAsync`. */
export const { ConfigurableModuleClass: TtrpcModuleClass } =
  new ConfigurableModuleBuilder<ClientTtrpcOptions>({ optionsInjectionToken: OPTIONS })
    .setExtras(DEFAULT_EXTRAS, (definition, { name, isGlobal, features }) => {
      const made = [clientProvider(name), ...serviceProviders(features ?? [], name)];
      return {
        ...definition,
        global: isGlobal,
        providers: [...(definition.providers ?? []), ...made],
        exports: made.map(({ provide }) => provide),
      };
    })
    .build();

function clientProvider(name: InjectionToken): FactoryProvider<ClientTtrpc> {
  return {
    provide: name,
    inject: [OPTIONS],
    useFactory: (options: ClientTtrpcOptions) => new ClientTtrpc(withoutExtras(options)),
  };
}

function withoutExtras(options: ClientTtrpcOptions & TtrpcModuleExtras): ClientTtrpcOptions {
  const { name: _name, isGlobal: _isGlobal, features: _features, ...rest } = options;
  return rest;
}
