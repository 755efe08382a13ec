import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';

const ROOT = resolve(import.meta.dirname, '../..');

// The public names, sorted; a type's name stands behind `type`. Whoever changes a door changes this
// list, and CHANGELOG.md.
const NEST = `
type Acceptor
type AnyMessage
BufferFullError
type CallOptions
type CallbackServer
type ClientCertificate
type ClientInterceptor
type ClientState
ClientTtrpc
type ClientTtrpcOptions
ConnectionError
type ConnectionFailure
type CredentialsHandshake
DefinitionError
type DetailMessage
type GrpcTransportOptions
type Handshake
HandshakeError
type HealthMethods
type HealthRequest
type HealthResponse
type HealthStatus
InjectTtrpcClient
InjectTtrpcPromiseService
InjectTtrpcService
type KnownTtrpcError
type LoaderOptions
type MappedStatus
Metadata
type MetadataInit
type OutgoingCall
PayloadTooLargeError
type Peer
type PeerCredentials
type PeerRule
type ProtoLoader
ProtocolError
type ReconnectOptions
ServerTtrpc
type ServerTtrpcOptions
type SocketOwner
type Status
StatusCode
type StatusDetail
StatusError
type StatusName
TTRPC_CLIENT
TTRPC_TRANSPORT
type TsProtoRpc
TtrpcCall
type TtrpcClientEvents
type TtrpcClientStatus
type TtrpcContext
type TtrpcDefinitionOptions
TtrpcDuplexCall
TtrpcError
TtrpcException
TtrpcExceptionFilter
type TtrpcExceptionFilterOptions
type TtrpcExceptionStatus
TtrpcHealth
TtrpcHealthModule
TtrpcMetadata
TtrpcMethod
TtrpcModule
type TtrpcModuleExtras
TtrpcServerCall
type TtrpcServerEvents
type TtrpcServerStatus
TtrpcStreamCall
TtrpcStreamMethod
TtrpcToHttpInterceptor
UsageError
createRpc
fromGrpcJs
fromProtobufEs
fromTsProto
getTtrpcPromiseServiceToken
getTtrpcServiceToken
healthService
isTtrpcError
requirePeer
statusName
toHttpException
ttrpcClient
ttrpcContextOf
`;

const ENGINE = `
type Acceptor
type AnyMessage
type BidirectionalHandler
BufferFullError
type CallContext
type CallOptions
type ClientCertificate
type ClientInterceptor
type ClientOptions
type ClientState
type ClientStreamingHandler
ConnectionError
type ConnectionFailure
type ConnectionOptions
type CredentialsHandshake
DefinitionError
type DetailMessage
type Dialer
type Handler
type Handshake
HandshakeError
type HealthMethods
type HealthRequest
type HealthResponse
type Interceptor
type KnownTtrpcError
type Listener
type LoaderOptions
Metadata
type MetadataInit
type MethodDefinition
type MethodKind
type Next
type OutgoingCall
type PayloadCodec
type PayloadFunctions
type PayloadTarget
PayloadTooLargeError
type Peer
type PeerCredentials
type PeerRule
type ProtoDefinitions
type ProtoSource
ProtocolError
type RawHandler
type ReconnectOptions
type ResponseListener
type ServerCall
type ServerInterceptor
type ServerOptions
type ServerStreamingHandler
ServiceCatalog
type ServiceDefinition
type ServiceImplementation
type SocketOwner
type Status
StatusCode
type StatusDetail
StatusError
type StatusName
type StreamClientCall
type StreamStart
TtrpcClient
TtrpcError
TtrpcServer
type TtrpcStats
type TypedService
type UnaryClientCall
type UnaryHandler
type UnaryStart
UsageError
fromGrpcJs
fromProtobufEs
fromTsProto
fullMethod
healthService
isTtrpcError
loadServices
payloadCodec
requirePeer
statusCodeOf
statusName
toStatus
`;

const CONTAINERD = `
type BootstrapParams
type BundleConfig
type DeadContainer
EventPublisher
type EventPublisherOptions
type FindShimsOptions
type FoundShims
type GeneratedAny
NRI_PLUGIN_CONNECTION
NRI_RUNTIME_CONNECTION
NRI_SOCKET
type NriEvent
type NriIdentity
type NriIdentityOptions
NriLink
type NriLinkOptions
NriMux
type NriMuxOptions
type NriRegister
type ProtoAny
type ProtoTimestamp
type ShimAction
type ShimAnswer
type ShimArguments
type ShimBundle
type ShimDaemonOptions
type ShimIdentity
type ShimInput
ShimLease
type ShimLeaseOptions
type ShimProgram
type ShimSocketOptions
type StreamTarget
type TaskEvent
TaskStdio
type TaskStdioPaths
type UnpackedAny
type UnreadableBundle
findShims
formatDeleteAnswer
formatInfoAnswer
formatShimAnswer
fromTimestamp
groupOfAnnotations
nriEventMask
nriIdentity
packAny
parseShimArguments
readShimAddress
readShimInput
reportListening
runShim
shimSocketPath
startShimDaemon
toTimestamp
unpackAny
`;

const TESTING = `
type MemoryTransport
type ServiceStubs
type StubHandler
createMemoryTransport
stubClient
`;

const DOORS = [
  { door: 'nestjs-ttrpc', file: 'lib/index.ts', list: NEST },
  { door: 'nestjs-ttrpc/engine', file: 'lib/engine/index.ts', list: ENGINE },
  { door: 'nestjs-ttrpc/containerd', file: 'lib/containerd/index.ts', list: CONTAINERD },
  { door: 'nestjs-ttrpc/testing', file: 'lib/testing/index.ts', list: TESTING },
];

/** What a door re-exports, by reading it. Anything in it but named re-exports fails the test. */
function namesOf(file: string): string[] {
  const path = resolve(ROOT, file);
  const source = ts.createSourceFile(path, readFileSync(path, 'utf8'), ts.ScriptTarget.Latest);
  return source.statements
    .flatMap((statement) => {
      if (ts.isExportDeclaration(statement)) {
        const { exportClause: clause, isTypeOnly } = statement;
        if (clause !== undefined && ts.isNamedExports(clause)) {
          return clause.elements.map(({ name, isTypeOnly: isType }) =>
            isTypeOnly || isType ? `type ${name.text}` : name.text,
          );
        }
      }
      throw new Error(`${file}: only named re-exports belong here: ${statement.getText(source)}`);
    })
    .toSorted(byName);
}

function byName(a: string, b: string): number {
  const [left, right] = [a, b].map((name) => name.replace('type ', ''));
  return left! < right! ? -1 : 1;
}

describe.each(DOORS)('$door', ({ file, list }) => {
  const names = list.trim().split('\n');

  it('exports these names', () => {
    expect(namesOf(file)).toEqual(names);
  });

  it('gives the values among them at run time, and nothing else', async () => {
    const values = Object.keys((await import(resolve(ROOT, file))) as object);
    expect(values.toSorted(byName)).toEqual(names.filter((name) => !name.startsWith('type ')));
  });
});
