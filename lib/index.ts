/**
 * The Nest user's door. The engine under it is `nestjs-ttrpc/engine`.
 *
 * @module nestjs-ttrpc
 */

export {
  ServerTtrpc,
  type TtrpcServerEvents,
  type TtrpcServerStatus,
} from './nest/server-ttrpc.js';
export {
  ClientTtrpc,
  type TtrpcClientEvents,
  type TtrpcClientStatus,
} from './nest/client-ttrpc.js';
export { createRpc, type TsProtoRpc } from './nest/create-rpc.js';
export { ttrpcClient } from './nest/ttrpc-client.js';
export { TtrpcHealth, type HealthStatus } from './nest/ttrpc-health.js';
export { TtrpcHealthModule } from './nest/ttrpc-health.module.js';
export { TtrpcModule } from './nest/ttrpc.module.js';
export type { TtrpcModuleExtras } from './nest/ttrpc.module-definition.js';
export {
  getTtrpcPromiseServiceToken,
  getTtrpcServiceToken,
  InjectTtrpcClient,
  InjectTtrpcPromiseService,
  InjectTtrpcService,
} from './nest/ttrpc.inject.decorators.js';
export {
  TtrpcCall,
  TtrpcMetadata,
  TtrpcMethod,
  TtrpcStreamCall,
  TtrpcStreamMethod,
} from './nest/ttrpc.decorators.js';
export { ttrpcContextOf } from './nest/call-of.js';
export type { TtrpcContext } from './nest/ttrpc.context.js';
export { TtrpcException, type TtrpcExceptionStatus } from './nest/ttrpc.exception.js';
export {
  TtrpcExceptionFilter,
  type MappedStatus,
  type TtrpcExceptionFilterOptions,
} from './nest/ttrpc-exception.filter.js';
export { toHttpException } from './nest/to-http-exception.js';
export { TtrpcToHttpInterceptor } from './nest/ttrpc-to-http.interceptor.js';
export { TtrpcServerCall } from './nest/ttrpc-call.js';
export { TtrpcDuplexCall } from './nest/ttrpc-duplex-call.js';
export { TTRPC_CLIENT, TTRPC_TRANSPORT } from './nest/ttrpc.constants.js';
export type { CallbackServer } from './nest/callback-service.js';
export type { GrpcTransportOptions } from './nest/grpc-options.js';
export type { ProtoLoader } from './nest/proto-loader.js';
export type {
  ClientTtrpcOptions,
  ServerTtrpcOptions,
  TtrpcDefinitionOptions,
} from './nest/ttrpc-options.interface.js';

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
} from './errors.js';
export { Metadata, type MetadataInit } from './spec/metadata.js';
export {
  StatusCode,
  statusName,
  type AnyMessage,
  type DetailMessage,
  type Status,
  type StatusDetail,
  type StatusName,
} from './spec/status.js';
export type { ClientState, ReconnectOptions } from './engine/client-options.js';
export type { CallOptions, ClientCertificate, Peer } from './rpc/call.js';
export type { ClientInterceptor, OutgoingCall } from './rpc/interceptor.js';
export { fromGrpcJs, fromProtobufEs, fromTsProto } from './proto/generated-services.js';
export {
  healthService,
  type HealthMethods,
  type HealthRequest,
  type HealthResponse,
} from './proto/health.js';
export type { LoaderOptions } from './proto/loader-options.js';
export type { Handshake } from './transport/handshake.js';
export type { Acceptor } from './transport/listener.js';
export {
  requirePeer,
  type CredentialsHandshake,
  type PeerCredentials,
  type PeerRule,
} from './transport/peer-credentials.js';
export type { SocketOwner } from './transport/socket-rights.js';
