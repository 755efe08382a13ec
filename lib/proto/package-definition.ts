import type { MethodDefinition, ServiceDefinition } from '../rpc/method-definition.js';
import { payloadCodec, type PayloadCodec } from '../rpc/payload-codec.js';
import { DefinitionError } from '../errors.js';
import { methodKind } from '../spec/method.js';
import type { PackageDefinition } from './load.js';

type Serialize = (message: unknown) => Uint8Array;
type Deserialize = (bytes: Buffer) => unknown;

/** A method as grpc-js and proto-loader describe it. */
interface GrpcMethod {
  readonly path?: string;
  readonly requestStream?: boolean;
  readonly responseStream?: boolean;
  readonly requestSerialize?: Serialize;
  readonly requestDeserialize?: Deserialize;
  readonly responseSerialize?: Serialize;
  readonly responseDeserialize?: Deserialize;
}

/** A message type as proto-loader describes it, from 0.7.14 on with its functions. */
interface GrpcMessage {
  readonly serialize: Serialize;
  readonly deserialize: Deserialize;
}

/**
 * The services of a package definition, in its order.
 *
 * @throws {@link DefinitionError} naming the method that lacks a function
 */
export function packageServices(definition: PackageDefinition): ServiceDefinition[] {
  return Object.entries(definition)
    .filter(([, entry]) => isService(entry))
    .map(([name, entry]) => packageService(name, entry));
}

/**
 * A service of methods as grpc-js takes them.
 *
 * @throws {@link DefinitionError} naming the method that lacks a function
 */
export function packageService(name: string, entry: object): ServiceDefinition {
  const methods = Object.entries(entry as Record<string, GrpcMethod>);
  return { name, methods: methods.map(([key, method]) => methodOf(name, key, method)) };
}

/** The codec of a message type that is not nested in another; `undefined` when unknown. */
export function packageMessage(
  definition: PackageDefinition,
  name: string,
): PayloadCodec | undefined {
  const entry = definition[name];
  return entry !== undefined && isMessage(entry)
    ? codecOf(entry.serialize, entry.deserialize)
    : undefined;
}

/** Full names of the message types that {@link packageMessage} knows. */
export function packageMessageNames(definition: PackageDefinition): string[] {
  return Object.keys(definition).filter((name) => isMessage(definition[name]!));
}

/** Messages and enums say their `format`; a service may at most have a method of that name. */
function isService(entry: object): boolean {
  return typeof (entry as { format?: unknown }).format !== 'string';
}

function isMessage(entry: object): entry is GrpcMessage {
  const { serialize, deserialize } = entry as Partial<GrpcMessage>;
  return !isService(entry) && typeof serialize === 'function' && typeof deserialize === 'function';
}

function methodOf(service: string, key: string, method: GrpcMethod): MethodDefinition {
  // Generated code has keys in camel case; the path has the name of the .proto.
  const name = method.path?.slice(method.path.lastIndexOf('/') + 1) ?? key;
  const { requestSerialize, requestDeserialize, responseSerialize, responseDeserialize } = method;
  if (!requestSerialize || !requestDeserialize || !responseSerialize || !responseDeserialize) {
    throw new DefinitionError(
      `packageDefinition: method ${service}.${name} must have requestSerialize, ` +
        'requestDeserialize, responseSerialize and responseDeserialize',
    );
  }
  return {
    service,
    name,
    kind: methodKind(method.requestStream === true, method.responseStream === true),
    request: codecOf(requestSerialize, requestDeserialize),
    response: codecOf(responseSerialize, responseDeserialize),
  };
}

function codecOf(serialize: Serialize, deserialize: Deserialize): PayloadCodec {
  // A handler that returns nothing answers with the empty message.
  return payloadCodec({ encode: (message) => serialize(message ?? {}), decode: deserialize });
}
