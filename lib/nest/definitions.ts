import type { ProtoSource } from '../proto/load.js';
import { loadServices, type ServiceCatalog } from '../proto/service-definition.js';
import type { ServiceDefinition } from '../rpc/method-definition.js';
import { loadWith } from './proto-loader.js';
import type { TtrpcDefinitionOptions } from './ttrpc-options.interface.js';

/** The services that the options mean, and the catalog that they are from. */
export interface Definitions {
  readonly catalog: ServiceCatalog;
  readonly services: readonly NamedService[];
}

/** A service and the names by which a handler or a client may mean it, the surest first. */
export interface NamedService {
  readonly definition: ServiceDefinition;
  /**
   * Relative to the configured package as in Nest's gRPC transport, the full name, and the bare
   * one: `v1.HeroService`, `acme.v1.HeroService`, `HeroService`.
   */
  readonly names: readonly string[];
}

/**
 * Loads what the options name.
 *
 * @throws DefinitionError when a .proto is missing or does not parse, or a package is unknown
 * @throws TypeError when there is not exactly one source
 */
export function loadDefinitions(options: TtrpcDefinitionOptions): Definitions {
  const { root, descriptorSet, services: made, loader } = options;
  const { protoPath, packageDefinition } = loadedBy(options);
  const source = { protoPath, packageDefinition, root, descriptorSet, services: made, loader };
  const catalog = loadServices(source as ProtoSource);
  const services: NamedService[] = [];
  const seen = new Set<string>();
  for (const name of packagesOf(options)) {
    for (const definition of catalog.inPackage(name)) {
      if (seen.has(definition.name)) continue;
      seen.add(definition.name);
      services.push({ definition, names: namesOf(definition.name, name) });
    }
  }
  return { catalog, services };
}

/** Where the user has a loader of their own, what it loads is a package definition. */
function loadedBy({
  protoLoader,
  ...options
}: TtrpcDefinitionOptions): Pick<TtrpcDefinitionOptions, 'packageDefinition' | 'protoPath'> {
  const { protoPath, packageDefinition } = options;
  if (protoLoader === undefined || protoPath === undefined) return options;
  return packageDefinition === undefined
    ? { packageDefinition: loadWith(protoLoader, options) }
    : options;
}

function packagesOf({ package: given }: TtrpcDefinitionOptions): readonly string[] {
  if (given === undefined) return [''];
  const packages: readonly string[] = Array.isArray(given) ? given : [given];
  if (packages.length > 0 && packages.every((name) => typeof name === 'string')) {
    return packages;
  }
  throw new TypeError(`package must be a name or a list of names, got ${JSON.stringify(given)}`);
}

function namesOf(fullName: string, packageName: string): string[] {
  const relative = packageName === '' ? fullName : fullName.slice(packageName.length + 1);
  const bare = fullName.slice(fullName.lastIndexOf('.') + 1);
  return [...new Set([relative, fullName, bare])];
}

/** The service that `name` means: by its surest name first, and of equals the first. */
export function findService(
  services: readonly NamedService[],
  name: string,
): ServiceDefinition | undefined {
  return findServices(services, name)[0];
}

/**
 * The services that `name` means, by the surest of their names that any of them has: several when
 * packages have a service of one name.
 */
export function findServices(
  services: readonly NamedService[],
  name: string,
): readonly ServiceDefinition[] {
  const rank = ({ names }: NamedService): number => names.indexOf(name);
  const named = services.filter((service) => rank(service) >= 0);
  const best = Math.min(...named.map(rank));
  return named.filter((service) => rank(service) === best).map(({ definition }) => definition);
}
