import protobuf from 'protobufjs';
import type { ServiceDefinition } from '../rpc/method-definition.js';
import { readDescriptorSet } from './descriptor-set.js';
import { resolveLoaderOptions, show, type LoaderOptions } from './loader-options.js';
import type { ResolvedLoaderOptions } from './loader-options.js';
import { readProtoFiles } from './proto-files.js';
import { resolveReferences } from './reflection.js';

/** What `@grpc/proto-loader` loads: definitions by full name. */
export type PackageDefinition = Readonly<Record<string, object>>;

/** A protobufjs root; named here so that other rooms need not know protobufjs. */
export type ProtoRoot = protobuf.Root;

/** Where the services are defined: exactly one of these. */
export type ProtoDefinitions =
  | {
      /** .proto files, by path. */
      readonly protoPath: string | readonly string[];
    }
  | {
      /** What `@grpc/proto-loader` loaded; its own options apply, not {@link LoaderOptions}. */
      readonly packageDefinition: PackageDefinition;
    }
  | {
      /** A protobufjs root, of the same protobufjs that this package finds. */
      readonly root: protobuf.Root;
    }
  | {
      /** A serialised `google.protobuf.FileDescriptorSet`, or the path of one. */
      readonly descriptorSet: Uint8Array | string;
    }
  | {
      /** Services of generated code, with its codecs; {@link LoaderOptions} are for others. */
      readonly services: readonly ServiceDefinition[];
    };

/** Where the services are defined, and how their messages are converted. */
export type ProtoSource = ProtoDefinitions & {
  /** How .proto files are read and messages converted. */
  readonly loader?: LoaderOptions | undefined;
};

/** A source that was checked and read; every type reference is looked up. */
export type LoadedSource =
  | { readonly root: protobuf.Root; readonly conversion: ResolvedLoaderOptions['conversion'] }
  | { readonly packageDefinition: PackageDefinition }
  | { readonly services: readonly ServiceDefinition[] };

const KINDS = ['protoPath', 'packageDefinition', 'root', 'descriptorSet', 'services'] as const;

/**
 * Reads definitions from wherever they are, synchronously; nothing is cached.
 *
 * @throws TypeError naming what was given and what is allowed, when `source` is not one source
 * @throws {@link DefinitionError} when the definitions are missing, wrong or incomplete
 */
export function loadSource(source: ProtoSource): LoadedSource {
  const kind = kindOf(source);
  const given = source as Partial<Record<(typeof KINDS)[number], unknown>>;
  const options = resolveLoaderOptions(source.loader ?? {});
  if (kind === 'packageDefinition') {
    return { packageDefinition: packageOf(given.packageDefinition) };
  }
  if (kind === 'services') return { services: servicesOf(given.services) };
  const root = readRoot(kind, given[kind], options);
  resolveReferences(root);
  return { root, conversion: options.conversion };
}

function kindOf(source: object): (typeof KINDS)[number] {
  const given = KINDS.filter((kind) => (source as Record<string, unknown>)[kind] !== undefined);
  const [kind] = given;
  if (kind !== undefined && given.length === 1) return kind;
  const got = given.length === 0 ? 'none of them' : given.join(' and ');
  throw new TypeError(`exactly one of ${KINDS.join(', ')} must be given, got ${got}`);
}

function readRoot(
  kind: Exclude<(typeof KINDS)[number], 'packageDefinition' | 'services'>,
  value: unknown,
  options: ResolvedLoaderOptions,
): protobuf.Root {
  if (kind === 'protoPath') return readProtoFiles(pathsOf(value), options);
  if (kind === 'root') return rootOf(value);
  return readDescriptorSet(descriptorSetOf(value), options.parse);
}

function pathsOf(value: unknown): string[] {
  const paths: unknown[] = Array.isArray(value) ? value : [value];
  if (paths.length > 0 && paths.every((path) => typeof path === 'string' && path !== '')) {
    return paths as string[];
  }
  throw new TypeError(`protoPath must be a path or a list of paths, got ${show(value)}`);
}

function rootOf(value: unknown): protobuf.Root {
  if (value instanceof protobuf.Root) return value;
  throw new TypeError(
    `root must be a Root of the protobufjs that this package finds, got ${show(value)}` +
      (value !== null && typeof value === 'object' && 'resolveAll' in value
        ? ' of another copy of protobufjs'
        : ''),
  );
}

function descriptorSetOf(value: unknown): Uint8Array | string {
  if (value instanceof Uint8Array || (typeof value === 'string' && value !== '')) return value;
  throw new TypeError(`descriptorSet must be a Uint8Array or a path, got ${show(value)}`);
}

function packageOf(value: unknown): PackageDefinition {
  if (typeof value === 'object' && value !== null) return value as PackageDefinition;
  throw new TypeError(`packageDefinition must be an object, got ${show(value)}`);
}

function servicesOf(value: unknown): readonly ServiceDefinition[] {
  if (Array.isArray(value) && value.length > 0 && value.every(isService)) return value;
  throw new TypeError(
    `services must be a list of services, as fromTsProto gives them, got ${show(value)}`,
  );
}

function isService(value: unknown): value is ServiceDefinition {
  const { name, methods } = (value ?? {}) as Partial<ServiceDefinition>;
  return typeof name === 'string' && Array.isArray(methods);
}
