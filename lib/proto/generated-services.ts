import type { MethodDefinition, TypedService } from '../rpc/method-definition.js';
import { payloadCodec, type PayloadCodec } from '../rpc/payload-codec.js';
import { DefinitionError } from '../errors.js';
import { methodKind, type MethodKind } from '../spec/method.js';
import { show } from './loader-options.js';
import { packageService } from './package-definition.js';

type KindOf<RequestStream, ResponseStream> = RequestStream extends true
  ? ResponseStream extends true
    ? 'bidirectional'
    : 'clientStreaming'
  : ResponseStream extends true
    ? 'serverStreaming'
    : 'unary';

/** A message type of ts-proto's: what `outputEncodeMethods` adds. */
export interface TsProtoMessage<T = unknown> {
  encode(message: T): { finish(): Uint8Array };
  decode(bytes: Uint8Array): T;
}

/** A service of ts-proto's `outputServices=generic-definitions`. */
export interface TsProtoService {
  readonly fullName: string;
  readonly methods: Readonly<
    Record<
      string,
      {
        readonly name: string;
        readonly requestType: TsProtoMessage;
        readonly requestStream: boolean;
        readonly responseType: TsProtoMessage;
        readonly responseStream: boolean;
      }
    >
  >;
}

type MessageOf<Type> = Type extends { decode(bytes: Uint8Array): infer T } ? T : unknown;

/** The methods of a {@link TsProtoService}, with its types. */
export type TsProtoMethods<Methods extends TsProtoService['methods']> = {
  readonly [Name in keyof Methods]: MethodDefinition<
    MessageOf<Methods[Name]['requestType']>,
    MessageOf<Methods[Name]['responseType']>,
    KindOf<Methods[Name]['requestStream'], Methods[Name]['responseStream']>
  >;
};

/**
 * A service of ts-proto's `outputServices=generic-definitions`, with its codecs and types.
 *
 * @example
 * ```ts
 * new ServerTtrpc({ url, services: [fromTsProto(HeroServiceDefinition)] });
 * ```
 * @throws {@link DefinitionError} when it is no such definition
 */
export function fromTsProto<Service extends TsProtoService>(
  service: Service,
): TypedService<TsProtoMethods<Service['methods']>> {
  const { fullName, methods } = service;
  if (typeof fullName !== 'string' || typeof methods !== 'object') {
    throw notGenerated(
      'fromTsProto',
      'a definition of outputServices=generic-definitions',
      service,
    );
  }
  return typedService(
    fullName,
    Object.entries(methods).map(([key, method]) => [
      key,
      {
        service: fullName,
        name: method.name,
        kind: methodKind(method.requestStream, method.responseStream),
        request: tsProtoCodec(method.requestType),
        response: tsProtoCodec(method.responseType),
      },
    ]),
  );
}

function tsProtoCodec(type: TsProtoMessage): PayloadCodec {
  return payloadCodec({
    encode: (message) => type.encode(message).finish(),
    decode: (bytes) => type.decode(plain(bytes)),
  });
}

/** A service as grpc-js takes it: of ts-proto's `outputServices=grpc-js`, or of grpc-tools. */
export type GrpcJsService = Readonly<
  Record<
    string,
    {
      readonly path: string;
      readonly requestStream: boolean;
      readonly responseStream: boolean;
      requestSerialize(message: never): Uint8Array;
      requestDeserialize(bytes: Buffer): unknown;
      responseSerialize(message: never): Uint8Array;
      responseDeserialize(bytes: Buffer): unknown;
    }
  >
>;

/** The methods of a {@link GrpcJsService}, with its types. */
export type GrpcJsMethods<Service extends GrpcJsService> = {
  readonly [Name in keyof Service]: MethodDefinition<
    ReturnType<Service[Name]['requestDeserialize']>,
    ReturnType<Service[Name]['responseDeserialize']>,
    KindOf<Service[Name]['requestStream'], Service[Name]['responseStream']>
  >;
};

/**
 * A service as grpc-js takes it, with its codecs and types: `HeroServiceService` of ts-proto's
 * `outputServices=grpc-js` or of grpc-tools.
 *
 * @throws {@link DefinitionError} when it is no such definition, or has no method
 */
export function fromGrpcJs<Service extends GrpcJsService>(
  service: Service,
): TypedService<GrpcJsMethods<Service>> {
  const [first] = Object.values(service);
  const name = /^\/(.+)\/[^/]+$/.exec(String(first?.path))?.[1];
  if (name === undefined) {
    throw notGenerated('fromGrpcJs', 'methods with paths such as /pkg.Service/Method', service);
  }
  const { methods } = packageService(name, service);
  const keys = Object.keys(service);
  return typedService(
    name,
    methods.map((method, index) => [keys[index]!, method]),
  );
}

/** The functions of `@bufbuild/protobuf` that {@link fromProtobufEs} calls. */
export interface ProtobufEs {
  create(schema: never, init?: never): unknown;
  toBinary(schema: never, message: never): Uint8Array;
  fromBinary(schema: never, bytes: Uint8Array): unknown;
}

interface ProtobufEsMethod {
  readonly methodKind: keyof typeof PROTOBUF_ES_KINDS;
  readonly input: object;
  readonly output: object;
}

/** A service that `protoc-gen-es` has generated, or any `DescService`. */
export interface ProtobufEsService {
  readonly typeName: string;
  readonly methods: readonly (ProtobufEsMethod & {
    readonly name: string;
    readonly localName: string;
  })[];
  readonly method: Readonly<Record<string, ProtobufEsMethod>>;
}

const PROTOBUF_ES_KINDS = {
  unary: 'unary',
  server_streaming: 'serverStreaming',
  client_streaming: 'clientStreaming',
  bidi_streaming: 'bidirectional',
} as const satisfies Record<string, MethodKind>;

/** Where generated schemas note the type of their message, which only the compiler sees. */
type ShapeOf<Schema> = Schema extends { readonly $codegenv2: { a: infer T } }
  ? T
  : Schema extends { readonly $codegenv1: { a: infer T } }
    ? T
    : unknown;

/** The methods of a {@link ProtobufEsService}, with its types. */
export type ProtobufEsMethods<Methods extends ProtobufEsService['method']> = {
  readonly [Name in keyof Methods]: MethodDefinition<
    ShapeOf<Methods[Name]['input']>,
    ShapeOf<Methods[Name]['output']>,
    (typeof PROTOBUF_ES_KINDS)[Methods[Name]['methodKind']]
  >;
};

/**
 * A service that `protoc-gen-es` has generated, with its messages and types. A plain object in
 * place of a message is made one by `create`.
 *
 * @param protobuf - the module `@bufbuild/protobuf`, which this package does not depend on
 * @example
 * ```ts
 * import * as protobuf from '@bufbuild/protobuf';
 * new ServerTtrpc({ url, services: [fromProtobufEs(protobuf, HeroService)] });
 * ```
 * @throws {@link DefinitionError} when it is no such service
 */
export function fromProtobufEs<Service extends ProtobufEsService>(
  protobuf: ProtobufEs,
  service: Service,
): TypedService<ProtobufEsMethods<Service['method']>> {
  const { typeName, methods } = service;
  if (typeof typeName !== 'string' || !Array.isArray(methods)) {
    throw notGenerated('fromProtobufEs', 'a service of protoc-gen-es', service);
  }
  const codec = (schema: object): PayloadCodec => protobufEsCodec(protobuf, schema as never);
  return typedService(
    typeName,
    service.methods.map((method) => [
      method.localName,
      {
        service: typeName,
        name: method.name,
        kind: PROTOBUF_ES_KINDS[method.methodKind],
        request: codec(method.input),
        response: codec(method.output),
      },
    ]),
  );
}

function protobufEsCodec(protobuf: ProtobufEs, schema: never): PayloadCodec {
  return payloadCodec({
    // What is a message already, `create` gives back.
    encode: (message) =>
      protobuf.toBinary(schema, protobuf.create(schema, message as never) as never),
    decode: (bytes) => protobuf.fromBinary(schema, plain(bytes)),
  });
}

/** The same bytes as no `Buffer`: generated code hands out parts of what it reads. */
function plain({ buffer, byteOffset, byteLength }: Buffer): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}

function typedService<Methods extends object>(
  name: string,
  methods: readonly (readonly [key: string, method: MethodDefinition])[],
): TypedService<Methods> {
  return {
    name,
    methods: methods.map(([, method]) => method),
    method: Object.fromEntries(methods) as Methods,
  };
}

function notGenerated(caller: string, wanted: string, got: unknown): DefinitionError {
  return new DefinitionError(`${caller} needs ${wanted}, got ${show(got)}`);
}
