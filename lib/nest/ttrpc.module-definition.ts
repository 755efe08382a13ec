import {
  ConfigurableModuleBuilder,
  type FactoryProvider,
  type InjectionToken,
} from '@nestjs/common';
import { ClientTtrpc } from './client-ttrpc.js';
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
}

const DEFAULT_EXTRAS: Required<TtrpcModuleExtras> = { name: TTRPC_CLIENT, isGlobal: false };

const OPTIONS = Symbol('TTRPC_MODULE_OPTIONS');

/** Gives `TtrpcModule` its `register` and `registerAsync`. */
export const { ConfigurableModuleClass: TtrpcModuleClass } =
  new ConfigurableModuleBuilder<ClientTtrpcOptions>({ optionsInjectionToken: OPTIONS })
    .setExtras(DEFAULT_EXTRAS, (definition, { name, isGlobal }) => ({
      ...definition,
      global: isGlobal,
      providers: [...(definition.providers ?? []), clientProvider(name)],
      exports: [name],
    }))
    .build();

function clientProvider(name: InjectionToken): FactoryProvider<ClientTtrpc> {
  return {
    provide: name,
    inject: [OPTIONS],
    useFactory: (options: ClientTtrpcOptions) => new ClientTtrpc(withoutExtras(options)),
  };
}

function withoutExtras(options: ClientTtrpcOptions & TtrpcModuleExtras): ClientTtrpcOptions {
  const { name: _name, isGlobal: _isGlobal, ...rest } = options;
  return rest;
}
