/**
 * The framework-free door: everything a Node program needs to serve and call ttrpc.
 *
 * @module nestjs-ttrpc/engine
 */

export { TtrpcClient, type StreamStart } from './client.js';
export type { ClientOptions, ClientState, Dialer, ReconnectOptions } from './client-options.js';
export { TtrpcServer } from './server.js';
export type { ServerOptions } from './server-options.js';
export type { ServiceImplementation } from './service-implementation.js';
export type { TtrpcStats } from './stats.js';

export {
  BufferFullError,
  ConnectionError,
  DefinitionError,
  HandshakeError,
  isTtrpcError,
  PayloadTooLargeError,
  ProtocolError,
  StatusError,
  TtrpcError,
  UsageError,
  type ConnectionFailure,
  type KnownTtrpcError,
} from '../errors.js';
export {
  statusCodeOf,
  StatusCode,
  statusName,
  type AnyMessage,
  type DetailMessage,
  type Status,
  type StatusDetail,
  type StatusName,
} from '../spec/status.js';
export { Metadata, type MetadataInit } from '../spec/metadata.js';
export { fullMethod, type MethodKind } from '../spec/method.js';

export type { ConnectionOptions } from '../protocol/connection-options.js';
export type {
  BidirectionalHandler,
  CallContext,
  CallOptions,
  ClientCertificate,
  ClientStreamingHandler,
  Handler,
  Peer,
  ServerStreamingHandler,
  UnaryHandler,
} from '../rpc/call.js';
export type {
  ClientInterceptor,
  Interceptor,
  Next,
  OutgoingCall,
  ServerInterceptor,
} from '../rpc/interceptor.js';
export type {
  MethodDefinition,
  ServiceDefinition,
  TypedService,
} from '../rpc/method-definition.js';
export {
  payloadCodec,
  type PayloadCodec,
  type PayloadFunctions,
  type PayloadTarget,
} from '../rpc/payload-codec.js';
export type { RawHandler, ServerCall } from '../rpc/server-call.js';
export type { ResponseListener, StreamClientCall } from '../rpc/client-stream-call.js';
export type { UnaryClientCall, UnaryStart } from '../rpc/client-call.js';
export { toStatus } from '../rpc/to-status.js';

export type { Handshake } from '../transport/handshake.js';
export type { Acceptor, Listener } from '../transport/listener.js';
export {
  requirePeer,
  type CredentialsHandshake,
  type PeerCredentials,
  type PeerRule,
} from '../transport/peer-credentials.js';
export type { SocketOwner } from '../transport/socket-rights.js';

export { fromGrpcJs, fromProtobufEs, fromTsProto } from '../proto/generated-services.js';
export {
  healthService,
  type HealthMethods,
  type HealthRequest,
  type HealthResponse,
} from '../proto/health.js';
export { loadServices, ServiceCatalog } from '../proto/service-definition.js';
export type { ProtoDefinitions, ProtoSource } from '../proto/load.js';
export type { LoaderOptions } from '../proto/loader-options.js';
