import type { ParityTransport } from './transports.js';

/** Something that an application sees when it changes the transport. */
export interface Difference {
  readonly id: string;
  readonly what: string;
  readonly gRPC: string;
  readonly ttrpc: string;
  readonly reason: string;
}

/** Nothing comes until the caller's deadline has passed. */
export const NO_ANSWER = 'no answer';

/** Node ends the process for an error that nobody catches. */
export const PROCESS_ENDS = 'the process ends';

/** The README has the same rows, without the ids. */
export const DIFFERENCES = [
  // What handlers answer.
  {
    id: 'one-empty',
    what: 'a handler of one response completes without one',
    gRPC: NO_ANSWER,
    ttrpc: '13 INTERNAL: The handler completed without emitting a response',
    reason: 'a call must end',
  },
  {
    id: 'one-twice',
    what: 'a unary handler emits first and last',
    gRPC: NO_ANSWER,
    ttrpc: 'first',
    reason: 'a call has one response; the Observable is unsubscribed from',
  },
  {
    id: 'collect-undefined',
    what: 'a client-streaming handler gives undefined',
    gRPC: NO_ANSWER,
    ttrpc: 'an empty message',
    reason: 'handlers of empty responses return nothing',
  },
  {
    id: 'undefined',
    what: 'any other handler gives undefined where the response has fields',
    gRPC: '13 INTERNAL: Error serializing response',
    ttrpc: 'an empty message',
    reason: 'handlers of empty responses return nothing',
  },
  {
    id: 'array-of-one',
    what: 'a handler of one response returns an array',
    gRPC: '13 INTERNAL: Error serializing response',
    ttrpc: '13 INTERNAL: response message can not be serialised',
    reason: 'the text goes on to say why',
  },
  {
    id: 'array-of-many',
    what: 'a handler of a stream returns the array first, last',
    gRPC: '13 INTERNAL: Error serializing response',
    ttrpc: 'first, last',
    reason: 'iterables are streams',
  },
  {
    id: 'generator-of-one',
    what: 'a unary handler is a generator of first, last',
    gRPC: 'an empty message',
    ttrpc: 'first',
    reason: 'iterables are streams',
  },
  {
    id: 'generator-of-collect',
    what: 'a client-streaming handler is a generator of first, last',
    gRPC: 'an empty message',
    ttrpc: 'last',
    reason: 'iterables are streams',
  },
  {
    id: 'generator-of-many',
    what: 'a handler of a stream is a generator of first, last',
    gRPC: 'an empty message',
    ttrpc: 'first, last',
    reason: 'iterables are streams',
  },
  {
    id: 'raw-throws',
    what: 'a pass-through handler throws RpcException',
    gRPC: PROCESS_ENDS,
    ttrpc: '3 INVALID_ARGUMENT: echo rejected',
    reason: 'a call must end, and not the process',
  },
  {
    id: 'raw-denied',
    what: 'a guard denies a pass-through handler',
    gRPC: PROCESS_ENDS,
    ttrpc: '7 PERMISSION_DENIED: Forbidden resource',
    reason: 'a call must end, and not the process',
  },
  {
    id: 'order',
    what: 'requests that come while a guard or an interceptor takes its time',
    gRPC: 'may come out of order',
    ttrpc: 'come in order',
    reason: 'the transport keeps a queue; over gRPC it is a matter of chance, and not tested',
  },
  // What errors become.
  {
    id: 'filter-throws',
    what: 'a filter throws',
    gRPC: PROCESS_ENDS,
    ttrpc: '2 UNKNOWN: Internal server error',
    reason: 'a call must end, and not the process',
  },
  {
    id: 'denied',
    what: 'a guard denies a call',
    gRPC: '2 UNKNOWN: Forbidden resource',
    ttrpc: '7 PERMISSION_DENIED: Forbidden resource',
    reason: 'it says what happened',
  },
  {
    id: 'named-code',
    what: 'RpcException with code NOT_FOUND as a name',
    gRPC: '2 UNKNOWN: no hero',
    ttrpc: '5 NOT_FOUND: no hero',
    reason: 'names are codes too',
  },
  {
    id: 'status-for-code',
    what: 'RpcException with status 5, without a filter',
    gRPC: '2 UNKNOWN: no hero',
    ttrpc: '5 NOT_FOUND: no hero',
    reason: "as Nest's GrpcExceptionFilter has it",
  },
  {
    id: 'unknown-code',
    what: 'RpcException with code 77',
    gRPC: '77 undefined: odd',
    ttrpc: '2 UNKNOWN: odd',
    reason: 'it is no status code',
  },
  {
    id: 'unbound',
    what: 'a method without a handler',
    gRPC: '12 UNIMPLEMENTED: The server does not implement the method GetURLInfo',
    ttrpc: '12 UNIMPLEMENTED: method GetURLInfo',
    reason: "the text is that of ttrpc's other servers",
  },
  {
    id: 'status-details',
    what: 'details of an RpcException as a list of Anys',
    gRPC: 'do not arrive',
    ttrpc: 'arrive',
    reason: 'a status has details on the wire',
  },
  {
    id: 'trailers',
    what: 'metadata of an RpcException (trailers)',
    gRPC: 'arrive',
    ttrpc: 'do not arrive',
    reason: 'a response has no metadata on the wire',
  },
  {
    id: 'response-headers',
    what: 'headers that a handler sends (sendMetadata)',
    gRPC: 'arrive',
    ttrpc: 'do not arrive',
    reason: 'a response has no metadata on the wire; the call goes on',
  },
  // What becomes of calls that are given up.
  {
    id: 'cancelled-stream',
    what: 'the handler of a streaming call that its caller cancels',
    gRPC: 'is torn down',
    ttrpc: 'runs on',
    reason:
      'there is no frame for cancelling: a server can not tell it from the end of the requests; a deadline is enforced on both sides',
  },
  {
    id: 'cancelled-one',
    what: 'a unary handler whose caller cancels',
    gRPC: 'is told',
    ttrpc: 'is not told',
    reason: 'there is no frame for cancelling',
  },
  {
    id: 'deadline-one',
    what: 'a unary handler whose deadline has passed',
    gRPC: 'runs on',
    ttrpc: 'is torn down',
    reason: 'nobody waits for its answer',
  },
  {
    id: 'deadline-requests',
    what: 'the requests of a call whose deadline has passed',
    gRPC: 'complete',
    ttrpc: 'fail',
    reason: 'what was cut off must not be taken for whole',
  },
  {
    id: 'connection-lost',
    what: 'a call whose connection is lost',
    gRPC: '14 UNAVAILABLE',
    ttrpc: 'connection closed by the peer',
    reason: 'a ConnectionError, whose code is 14',
  },
  {
    id: 'connection-lost-one',
    what: 'a unary handler whose connection is lost',
    gRPC: 'runs on',
    ttrpc: 'is torn down',
    reason: 'nobody waits for its answer',
  },
  {
    id: 'connection-lost-requests',
    what: 'the requests of a call whose connection is lost',
    gRPC: 'complete',
    ttrpc: 'fail',
    reason: 'what was cut off must not be taken for whole',
  },
  // Clients.
  {
    id: 'metadata-values',
    what: 'values v and w of one metadata key',
    gRPC: '"v, w"',
    ttrpc: '"v" and "w"',
    reason: 'HTTP/2 headers are joined; ttrpc has a list of pairs',
  },
  {
    id: 'metadata-bytes',
    what: 'bytes in metadata (keys that end in -bin)',
    gRPC: 'arrive',
    ttrpc: 'refused',
    reason: 'values are texts on the wire',
  },
  {
    id: 'metadata-own',
    what: 'metadata that the client adds itself',
    gRPC: 'user-agent',
    ttrpc: 'none',
    reason: 'nothing is sent that nobody asked for',
  },
  {
    id: 'stream-deadline',
    what: 'a deadline given to a call with a stream of requests',
    gRPC: 'is dropped',
    ttrpc: 'is kept',
    reason: 'options are for all four kinds',
  },
  {
    id: 'upstream-error',
    what: 'the requests of a client-streaming call fail',
    gRPC: PROCESS_ENDS,
    ttrpc: 'the error of the requests',
    reason: "the error is the caller's to handle",
  },
  {
    id: 'no-stream',
    what: 'something else is given as the stream of requests',
    gRPC: NO_ANSWER,
    ttrpc: 'kinds.Kinds/Collect takes a stream: an Observable or (async) iterable, got object',
    reason: 'a call must end',
  },
  {
    id: 'unreachable',
    what: 'a call where nobody listens',
    gRPC: '14 UNAVAILABLE: No connection established',
    ttrpc: 'cannot connect',
    reason: 'a ConnectionError, whose code is 14 and which says whether to try again is safe',
  },
  {
    id: 'closed-call',
    what: 'a call after close()',
    gRPC: 'Channel has been shut down',
    ttrpc: 'client is closed',
    reason: 'a ConnectionError',
  },
  {
    id: 'closed-service',
    what: 'getService after close()',
    gRPC: 'refused',
    ttrpc: 'gives methods that fail',
    reason: 'definitions outlive connections',
  },
  {
    id: 'unknown-service',
    what: 'getService of an unknown service',
    gRPC: 'The invalid gRPC service (service "Kind" not found)',
    ttrpc: 'unknown service Kind; did you mean kinds.Kinds?',
    reason: 'a DefinitionError, which names the nearest',
  },
  {
    id: 'client-reads',
    what: 'a client reads its .proto files',
    gRPC: 'when it is made',
    ttrpc: 'with the first getService',
    reason: 'a module is imported without reading files',
  },
  {
    id: 'client-full-name',
    what: 'getService of a full name',
    gRPC: 'refused',
    ttrpc: 'gives the service',
    reason: 'names may be bare, relative or full',
  },
  {
    id: 'second-service',
    what: 'of two packages with a service of one name, the second',
    gRPC: 'refused',
    ttrpc: 'by its full name',
    reason: 'a full name is the only one that is its own',
  },
  {
    id: 'raw-client',
    what: 'getClientByServiceName',
    gRPC: "grpc-js's client",
    ttrpc: 'what getService gives',
    reason: 'the client without Nest is TtrpcClient of nestjs-ttrpc/engine',
  },
  {
    id: 'client-connect',
    what: 'connect() of the client',
    gRPC: 'refused',
    ttrpc: 'connects',
    reason: 'health indicators call it',
  },
  {
    id: 'client-status',
    what: 'status of the client',
    gRPC: 'refused',
    ttrpc: 'tells',
    reason: 'connections come and go',
  },
  {
    id: 'client-on',
    what: 'on() of the client',
    gRPC: 'refused',
    ttrpc: 'tells',
    reason: 'connections come and go',
  },
  {
    id: 'client-unwrap',
    what: 'unwrap() of the client',
    gRPC: 'refused',
    ttrpc: "gives the engine's client",
    reason: 'there is one for all services',
  },
  {
    id: 'dispatch-hook',
    what: 'setOnDispatchHook',
    gRPC: 'is never called',
    ttrpc: 'is called once a call',
    reason: 'tracing needs it',
  },
  // Servers.
  {
    id: 'two-handlers',
    what: 'a method has a handler by a bare name and one by its full name',
    gRPC: 'the one with the bare name',
    ttrpc: 'the one with the full name',
    reason: 'the surer name wins',
  },
  {
    id: 'listened',
    what: 'what listen() gives',
    gRPC: 'undefined',
    ttrpc: 'the address',
    reason: 'a port may have been chosen by the system',
  },
  {
    id: 'unknown-package',
    what: 'a package that there is not',
    gRPC: 'InvalidGrpcPackageException',
    ttrpc: 'DefinitionError',
    reason: 'it names the nearest',
  },
  {
    id: 'missing-proto',
    what: 'a .proto file that there is not',
    gRPC: 'InvalidProtoDefinitionException',
    ttrpc: 'DefinitionError',
    reason: 'it says where was looked, or what is wrong on which line',
  },
  {
    id: 'grace',
    what: 'a graceful shutdown waits for calls that do not end',
    gRPC: 'as long as they last',
    ttrpc: 'for graceMs',
    reason: 'an application must come down',
  },
  {
    id: 'closed-server',
    what: 'calls in flight when a server is closed at once',
    gRPC: '1 CANCELLED',
    ttrpc: 'connection closed by the peer',
    reason: 'a ConnectionError, whose code is 14',
  },
  {
    id: 'server-status',
    what: 'status of the server',
    gRPC: 'refused',
    ttrpc: 'tells',
    reason: 'health checks ask for it',
  },
  {
    id: 'server-on',
    what: 'on() of the server',
    gRPC: 'refused',
    ttrpc: 'tells',
    reason: 'connections come and go',
  },
  {
    id: 'server-unwrap',
    what: 'unwrap() of the server',
    gRPC: 'refused',
    ttrpc: "gives the engine's server",
    reason: 'for what Nest has no word for',
  },
  // Options.
  {
    id: 'tls',
    what: 'secure credentials',
    gRPC: 'taken',
    ttrpc: 'refused',
    reason: 'the option tls takes what the tls module of Node takes',
  },
  {
    id: 'keepalive',
    what: 'keepalive',
    gRPC: 'taken',
    ttrpc: 'ignored, with a warning',
    reason: 'there is no ping frame',
  },
  {
    id: 'compression',
    what: 'compression (channelOptions)',
    gRPC: 'taken',
    ttrpc: 'ignored, with a warning',
    reason: 'there is no compression on the wire',
  },
  {
    id: 'load-balancing',
    what: 'load balancing (channelOptions)',
    gRPC: 'taken',
    ttrpc: 'ignored, with a warning',
    reason: 'a client has one address and one connection',
  },
  {
    id: 'large-message',
    what: 'a message of more than 4 MiB, where no limit is set',
    gRPC: 'arrives',
    ttrpc: 'refused',
    reason: '4 MiB is the largest frame of ttrpc',
  },
] as const satisfies readonly Difference[];

export type DifferenceId = (typeof DIFFERENCES)[number]['id'];

/** What the table has for a transport. */
export function recorded(id: DifferenceId, { name }: ParityTransport): string {
  const found: readonly Difference[] = DIFFERENCES.filter((one) => one.id === id);
  return (found[0] as Difference)[name];
}
