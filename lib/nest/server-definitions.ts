import { callbackServer, type AddedMethod } from './callback-service.js';
import { loadDefinitions, type NamedService } from './definitions.js';
import type { GrpcTransportOptions } from './grpc-options.js';
import { loadWith } from './proto-loader.js';
import type { TtrpcDefinitionOptions } from './ttrpc-options.interface.js';

/** What a server serves. */
export interface ServerDefinitions {
  /** Those that handlers are for. */
  readonly services: readonly NamedService[];
  /** What `onLoadPackageDefinition` has added. */
  readonly added: readonly AddedMethod[];
}

/**
 * Loads what the options name, and lets the user add services of callbacks; those need no handler.
 *
 * @throws DefinitionError when something is missing or wrong
 * @throws TypeError when there is not exactly one source, or none that has a package definition
 */
export function loadServerDefinitions(
  options: GrpcTransportOptions & TtrpcDefinitionOptions,
): ServerDefinitions {
  if (options.onLoadPackageDefinition === undefined) {
    return { services: loadDefinitions(options).services, added: [] };
  }
  const definition = packageDefinitionOf(options);
  const added: AddedMethod[] = [];
  options.onLoadPackageDefinition(definition as never, callbackServer(added));
  const names = new Set(added.map(([method]) => method.service));
  const { services } = loadDefinitions({
    ...options,
    protoPath: undefined,
    packageDefinition: definition,
  });
  return { services: services.filter((service) => !names.has(service.definition.name)), added };
}

function packageDefinitionOf(
  options: TtrpcDefinitionOptions,
): NonNullable<TtrpcDefinitionOptions['packageDefinition']> {
  const { protoPath, packageDefinition, protoLoader = '@grpc/proto-loader' } = options;
  if (packageDefinition !== undefined) return packageDefinition;
  if (protoPath !== undefined) return loadWith(protoLoader, options);
  throw new TypeError('onLoadPackageDefinition needs protoPath or packageDefinition');
}
