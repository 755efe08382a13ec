import { Inject, type InjectionToken } from '@nestjs/common';
import { TTRPC_CLIENT } from './ttrpc.constants.js';

/** Both forms of a service. */
interface ServiceTokens {
  readonly observable: symbol;
  readonly promise: symbol;
}

const tokens = new Map<InjectionToken, Map<string, ServiceTokens>>();

/**
 * The token of a service that `TtrpcModule.forFeature` makes injectable, for `overrideProvider` and
 * providers of one's own.
 *
 * @param service - spelt as for `forFeature`
 * @param client - token of the client
 * @defaultValue client: `TTRPC_CLIENT`
 */
export function getTtrpcServiceToken(
  service: string,
  client: InjectionToken = TTRPC_CLIENT,
): symbol {
  return tokensOf(service, client).observable;
}

/**
 * The same for what `@InjectTtrpcPromiseService` injects.
 *
 * @param service - spelt as for `forFeature`
 * @param client - token of the client
 * @defaultValue client: `TTRPC_CLIENT`
 */
export function getTtrpcPromiseServiceToken(
  service: string,
  client: InjectionToken = TTRPC_CLIENT,
): symbol {
  return tokensOf(service, client).promise;
}

function tokensOf(service: string, client: InjectionToken): ServiceTokens {
  let ofClient = tokens.get(client);
  if (ofClient === undefined) {
    ofClient = new Map();
    tokens.set(client, ofClient);
  }
  let both = ofClient.get(service);
  if (both === undefined) {
    const name = `${service} of ${describe(client)}`;
    both = {
      observable: Symbol(`ttrpc service ${name}`),
      promise: Symbol(`ttrpc promise service ${name}`),
    };
    ofClient.set(service, both);
  }
  return both;
}

/**
 * Injects a client that `TtrpcModule` or `ClientsModule` has made.
 *
 * @param name - its token
 * @defaultValue name: `TTRPC_CLIENT`
 */
export function InjectTtrpcClient(
  name: InjectionToken = TTRPC_CLIENT,
): ParameterDecorator & PropertyDecorator {
  return Inject(name);
}

/**
 * Injects what `getService` gives, of a service that `TtrpcModule` was told: its methods give
 * Observables.
 *
 * @param service - spelt as for `forFeature`
 * @param client - token of the client
 * @defaultValue client: `TTRPC_CLIENT`
 * @example
 * ```ts
 * @Injectable()
 * class Heroes {
 *   constructor(@InjectTtrpcService('hero.HeroService') private readonly heroes: HeroService) {}
 * }
 * ```
 */
export function InjectTtrpcService(
  service: string,
  client: InjectionToken = TTRPC_CLIENT,
): ParameterDecorator & PropertyDecorator {
  return Inject(getTtrpcServiceToken(service, client));
}

/**
 * Injects what `getPromiseService` gives, of a service that `TtrpcModule` was told: its methods give
 * Promises and AsyncIterables.
 *
 * @param service - spelt as for `forFeature`
 * @param client - token of the client
 * @defaultValue client: `TTRPC_CLIENT`
 * @example
 * ```ts
 * @Injectable()
 * class Heroes {
 *   constructor(@InjectTtrpcPromiseService('hero.HeroService') readonly heroes: HeroPromises) {}
 * }
 * ```
 */
export function InjectTtrpcPromiseService(
  service: string,
  client: InjectionToken = TTRPC_CLIENT,
): ParameterDecorator & PropertyDecorator {
  return Inject(getTtrpcPromiseServiceToken(service, client));
}

function describe(token: InjectionToken): string {
  return typeof token === 'function' ? token.name : String(token);
}
