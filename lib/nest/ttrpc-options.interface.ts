import type { GrpcOptions } from '@nestjs/microservices';
import type { ClientOptions, Dialer } from '../engine/client-options.js';
import type { ServerOptions } from '../engine/server-options.js';
import type { PackageDefinition, ProtoRoot } from '../proto/load.js';
import type { LoaderOptions } from '../proto/loader-options.js';
import type { ServiceDefinition } from '../rpc/method-definition.js';
import type { Acceptor } from '../transport/listener.js';
import type { GrpcTransportOptions } from './grpc-options.js';
import type { ProtoLoader } from './proto-loader.js';

/** The same as `LoaderOptions`, as Nest has typed it: less exactly. What is no option is refused when it is read. */
export type GrpcLoaderOptions = NonNullable<GrpcOptions['options']['loader']>;

/**
 * Which services there are. The names are those of Nest's gRPC transport; exactly one of
 * `protoPath`, `packageDefinition`, `root`, `descriptorSet` and `services` is needed.
 */
export interface TtrpcDefinitionOptions {
  /**
   * Proto package, or several, whose services are meant.
   * @defaultValue every service of the definitions
   */
  readonly package?: string | readonly string[] | undefined;
  /** .proto files. */
  readonly protoPath?: string | readonly string[] | undefined;
  /** What `@grpc/proto-loader` loaded. */
  readonly packageDefinition?: PackageDefinition | undefined;
  /** A protobufjs `Root`. */
  readonly root?: ProtoRoot | undefined;
  /** A serialised `google.protobuf.FileDescriptorSet`, or the path of one. */
  readonly descriptorSet?: Uint8Array | string | undefined;
  /** Services of generated code, as `fromTsProto`, `fromGrpcJs` and `fromProtobufEs` give them. */
  readonly services?: readonly ServiceDefinition[] | undefined;
  /** How .proto files are read and messages converted; as `@grpc/proto-loader` has it. */
  readonly loader?: GrpcLoaderOptions | LoaderOptions | undefined;
  /**
   * Reads the .proto files instead of this package: a module's name, such as `@grpc/proto-loader`,
   * or what it exports.
   */
  readonly protoLoader?: ProtoLoader | string | undefined;
}

/** What `ServerTtrpc` may be told. */
export interface ServerTtrpcOptions
  extends
    TtrpcDefinitionOptions,
    GrpcTransportOptions,
    Omit<ServerOptions, 'interceptors' | 'onHandlerError'> {
  /**
   * Where to listen: `unix:///run/app.sock` or a bare path, `tcp://host:port`, `fd:3`. Needed unless
   * there is `listen`.
   */
  readonly url?: string | undefined;
  /** Accepts byte streams itself, instead of listening on `url`. */
  readonly listen?: Acceptor | undefined;
  /**
   * Whether `close()` lets the calls in flight end, for at most `graceMs`.
   * @defaultValue false, as Nest's gRPC transport
   */
  readonly gracefulShutdown?: boolean | undefined;
  /**
   * How long a graceful shutdown waits, in milliseconds.
   * @defaultValue 10000
   */
  readonly graceMs?: number | undefined;
  /**
   * Whether `listen()` fails when a handler belongs to no method, is of the wrong kind or there
   * twice, or when a method has none; otherwise that is logged.
   * @defaultValue false: a controller may serve other transports too
   */
  readonly strict?: boolean | undefined;
}

/** What `ClientTtrpc` may be told. */
export interface ClientTtrpcOptions
  extends TtrpcDefinitionOptions, GrpcTransportOptions, Omit<ClientOptions, 'address' | 'dial'> {
  /** Of servers: a client may share its options with one. */
  readonly gracefulShutdown?: boolean | undefined;
  /** Where the server listens; see `ClientOptions.address`. Needed unless there is `dial` or `stream`. */
  readonly url?: string | undefined;
  /** Makes the byte stream itself, instead of connecting to `url`. */
  readonly dial?: Dialer | undefined;
}
