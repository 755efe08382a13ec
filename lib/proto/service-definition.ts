import { Buffer } from 'node:buffer';
import type protobuf from 'protobufjs';
import { DefinitionError } from '../errors.js';
import type { MethodDefinition, ServiceDefinition } from '../rpc/method-definition.js';
import type { PayloadCodec, PayloadTarget } from '../rpc/payload-codec.js';
import { methodKind } from '../spec/method.js';
import type { AnyMessage } from '../spec/status.js';
import { loadSource, type ProtoSource } from './load.js';
import { messageCodec } from './message-codec.js';
import { methodsBySpelling } from './method-names.js';
import { suggestNames } from './nearest-names.js';
import { packageMessage, packageMessageNames, packageServices } from './package-definition.js';
import { definitionsOf, fullNameOf } from './reflection.js';

/** Message types by full name. */
interface MessageCodecs {
  /** The codec of a type, or `undefined` when it is unknown. */
  codec(typeName: string): PayloadCodec | undefined;
  names(): string[];
}

/** Generated code keeps its message types to itself. */
const NO_MESSAGES: MessageCodecs = { codec: () => undefined, names: () => [] };

/** The services and message types of one source. */
export class ServiceCatalog {
  /** By their order in the source. */
  readonly services: readonly ServiceDefinition[];
  readonly #messages: MessageCodecs;

  /** @internal */
  constructor(services: readonly ServiceDefinition[], messages: MessageCodecs) {
    this.services = services;
    this.#messages = messages;
  }

  /**
   * @param name - full proto name: `pkg.Service`
   * @throws {@link DefinitionError} naming the nearest services when there is none of that name
   */
  service(name: string): ServiceDefinition {
    const found = this.services.find((service) => service.name === name);
    if (found !== undefined) return found;
    const known = this.services.map((service) => service.name);
    throw new DefinitionError(`unknown service ${name}${suggestNames(name, known)}`);
  }

  /**
   * @param service - full proto name: `pkg.Service`
   * @param name - of the method, as in the .proto or in camel case
   * @typeParam Request - what its requests are by the .proto, which the compiler can't check
   * @typeParam Response - the same of its responses
   * @throws {@link DefinitionError} naming the nearest when there is none of that name
   */
  method<Request = unknown, Response = unknown>(
    service: string,
    name: string,
  ): MethodDefinition<Request, Response> {
    const definition = this.service(service);
    const found = methodsBySpelling(definition).get(name);
    if (found !== undefined) return found as MethodDefinition<Request, Response>;
    const known = definition.methods.map((method) => method.name);
    throw new DefinitionError(`unknown method ${name} of ${service}${suggestNames(name, known)}`);
  }

  /**
   * The services of a package and of the packages below it: `hero` has those of `hero.v1`.
   *
   * @param pkg - full name; the empty string for all services
   * @throws {@link DefinitionError} naming the nearest packages when it has no service
   */
  inPackage(pkg: string): ServiceDefinition[] {
    if (pkg === '') return [...this.services];
    const found = this.services.filter((service) => service.name.startsWith(`${pkg}.`));
    if (found.length > 0) return found;
    const known = [...new Set(this.services.flatMap(({ name }) => packagesOf(name)))];
    throw new DefinitionError(`no service in package ${pkg}${suggestNames(pkg, known)}`);
  }

  /**
   * Opens a message whose type the source defines.
   *
   * @returns `undefined` when the type is unknown
   * @throws Error when the bytes are not a message of that type
   */
  decodeAny(any: AnyMessage): { typeName: string; message: unknown } | undefined {
    const typeName = typeNameOf(any.typeUrl);
    const codec = this.#messages.codec(typeName);
    if (codec === undefined) return undefined;
    const { buffer, byteOffset, byteLength } = any.value;
    const bytes = Buffer.from(buffer, byteOffset, byteLength);
    return { typeName, message: codec.read(bytes, 0, byteLength) };
  }

  /**
   * Closes a message into one that says its type.
   *
   * @param typeName - full name, or a type URL
   * @throws {@link DefinitionError} naming the nearest types when the type is unknown
   */
  encodeAny(typeName: string, message: unknown): AnyMessage {
    const name = typeNameOf(typeName);
    const codec = this.#messages.codec(name);
    if (codec === undefined) {
      const nearest = suggestNames(name, this.#messages.names());
      throw new DefinitionError(`unknown message type ${name}${nearest}`);
    }
    return { typeUrl: `type.googleapis.com/${name}`, value: encode(codec, message) };
  }
}

/**
 * Reads definitions and makes codecs for their messages, synchronously.
 *
 * @throws TypeError when `source` is not one source, or an option is wrong
 * @throws {@link DefinitionError} when the definitions are missing, wrong or incomplete
 * @example
 * ```ts
 * const catalog = loadServices({ protoPath: 'hero.proto' });
 * const findOne = catalog.method<HeroById, Hero>('hero.HeroService', 'FindOne');
 * ```
 */
export function loadServices(source: ProtoSource): ServiceCatalog {
  const loaded = loadSource(source);
  if ('services' in loaded) return new ServiceCatalog(loaded.services, NO_MESSAGES);
  if ('packageDefinition' in loaded) {
    const { packageDefinition } = loaded;
    return catalogOf(packageServices(packageDefinition), {
      codec: (typeName) => packageMessage(packageDefinition, typeName),
      names: () => packageMessageNames(packageDefinition),
    });
  }
  const { services, types } = definitionsOf(loaded.root);
  const codecs = new Map(
    types.map((type) => [fullNameOf(type), messageCodec(type, loaded.conversion)]),
  );
  return catalogOf(
    services.map((service) => serviceOf(service, codecs)),
    { codec: (typeName) => codecs.get(typeName), names: () => [...codecs.keys()] },
  );
}

/** A catalog whose methods open and close the status details that it knows the types of. */
function catalogOf(
  services: readonly ServiceDefinition[],
  messages: MessageCodecs,
): ServiceCatalog {
  const decodeDetail = (detail: AnyMessage): unknown => {
    try {
      return catalog.decodeAny(detail)?.message;
    } catch {
      return undefined;
    }
  };
  const encodeDetail = ({ typeUrl, message }: AnyMessage): AnyMessage =>
    catalog.encodeAny(typeUrl, message);
  const opening = services.map(({ name, methods }) => ({
    name,
    methods: methods.map((method) => ({ ...method, decodeDetail, encodeDetail })),
  }));
  const catalog = new ServiceCatalog(opening, messages);
  return catalog;
}

function serviceOf(
  service: protobuf.Service,
  codecs: ReadonlyMap<string, PayloadCodec>,
): ServiceDefinition {
  const name = fullNameOf(service);
  // Resolved at load, so both types are there.
  const codec = (type: protobuf.Type | null): PayloadCodec => codecs.get(fullNameOf(type!))!;
  const methods = service.methodsArray.map((method): MethodDefinition => ({
    service: name,
    name: method.name,
    kind: methodKind(method.requestStream === true, method.responseStream === true),
    request: codec(method.resolvedRequestType),
    response: codec(method.resolvedResponseType),
  }));
  return { name, methods };
}

/** Every package that a service is in: `a.b.Service` is in `a.b` and `a`. */
function packagesOf(service: string): string[] {
  const parts = service.split('.').slice(0, -1);
  return parts.map((_, index) => parts.slice(0, index + 1).join('.'));
}

/** The type that a URL names: what is behind the last slash. */
function typeNameOf(typeUrl: string): string {
  return typeUrl.slice(typeUrl.lastIndexOf('/') + 1);
}

function encode(codec: PayloadCodec, message: unknown): Buffer {
  const target: PayloadTarget = {
    buffer: Buffer.allocUnsafe(256),
    length: 0,
    append(bytes) {
      this.buffer = Buffer.concat([this.buffer.subarray(0, this.length), bytes]);
      this.length = this.buffer.length;
    },
  };
  codec.write(message, target);
  return Buffer.from(target.buffer.subarray(0, target.length));
}
