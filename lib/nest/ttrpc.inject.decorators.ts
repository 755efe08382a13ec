import { Inject, type InjectionToken } from '@nestjs/common';
import { TTRPC_CLIENT } from './ttrpc.constants.js';

const tokens = new Map<InjectionToken, Map<string, symbol>>();

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
  let ofClient = tokens.get(client);
  if (ofClient === undefined) {
    ofClient = new Map();
    tokens.set(client, ofClient);
  }
  let token = ofClient.get(service);
  if (token === undefined) {
    token = Symbol(`ttrpc service ${service} of ${describe(client)}`);
    ofClient.set(service, token);
  }
  return token;
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
 * Injects what `getService` gives, of a service that `TtrpcModule.forFeature` was told.
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

function describe(token: InjectionToken): string {
  return typeof token === 'function' ? token.name : String(token);
}
