import type { FactoryProvider, InjectionToken } from '@nestjs/common';
import type { ClientTtrpc } from './client-ttrpc.js';
import { getTtrpcPromiseServiceToken, getTtrpcServiceToken } from './ttrpc.inject.decorators.js';

type Methods = Record<string, unknown>;

/** Makes services of a client injectable, each as Observables and as Promises. */
export function serviceProviders(
  services: readonly string[],
  client: InjectionToken,
): FactoryProvider[] {
  return services.flatMap((service) => [
    {
      provide: getTtrpcServiceToken(service, client),
      inject: [client],
      useFactory: (from: ClientTtrpc): object => from.getService(service),
    },
    {
      provide: getTtrpcPromiseServiceToken(service, client),
      inject: [client],
      // What stands in for a client, in tests or of another transport, may have Observables alone.
      useFactory: (from: Partial<ClientTtrpc>): Methods | undefined =>
        withoutHooks(from.getPromiseService?.<Methods>(service)),
    },
  ]);
}

const HOOKS = [
  'onModuleInit',
  'onApplicationBootstrap',
  'onModuleDestroy',
  'beforeApplicationShutdown',
  'onApplicationShutdown',
] as const;

/**
 * Nest calls what a provider has under these names, which would be a call of the rpc; a cold
 * Observable does no harm. Such an rpc keeps its name with a capital letter.
 */
function withoutHooks(service: Methods | undefined): Methods | undefined {
  if (service === undefined || HOOKS.every((hook) => service[hook] === undefined)) return service;
  const methods = { ...service };
  for (const hook of HOOKS) {
    const method = methods[hook];
    if (method !== undefined) methods[hook.charAt(0).toUpperCase() + hook.slice(1)] ??= method;
    delete methods[hook];
  }
  return methods;
}
