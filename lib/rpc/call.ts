import type { Metadata, MetadataInit } from '../spec/metadata.js';
import type { MethodDefinition } from './method-definition.js';

/** What a caller may say about one call. */
export interface CallOptions {
  /**
   * Time the call may take, connecting and queueing included, in milliseconds; above 0. The server
   * is told what is left of it. `Infinity` lifts the client's default.
   */
  readonly timeoutMs?: number | undefined;
  /** The same as a moment: a `Date`, or milliseconds since 1970. The earlier of both counts. */
  readonly deadline?: Date | number | undefined;
  /** Gives the call up when it aborts; its reason becomes the error's `cause`. */
  readonly signal?: AbortSignal | undefined;
  /**
   * Whether the call waits while the server can't be reached, until its deadline or signal, instead
   * of failing; the client tries again meanwhile.
   * @defaultValue the client's `waitForReady`, which is false unless it was told
   */
  readonly waitForReady?: boolean | undefined;
  /** Sent with the request; grpc-js's `Metadata`, a `Map` and a plain object do as well. */
  readonly metadata?: MetadataInit | undefined;
}

/** What handlers are told of a verified certificate; the object is Node's own and has more. */
export interface ClientCertificate {
  /** Distinguished name by its parts: `subject.CN`. */
  readonly subject: {
    /** Common name, or several. */
    readonly CN?: string | string[];
  };
  /** Alternative names, as in `DNS:worker.internal, URI:spiffe://…`. */
  readonly subjectaltname?: string | undefined;
  /** SHA-256 over the whole, in hex with colons. */
  readonly fingerprint256: string;
  /** The whole in DER. */
  readonly raw: Uint8Array;
}

/** Who called. */
export interface Peer {
  /** `tcp://host:port` of a TCP peer; a local socket's peer has none, so the server's is given. */
  readonly address: string;
  /** What the server's handshake returned for this connection. */
  readonly attachment: unknown;
  /** The client's certificate, when TLS has verified one by the server's `ca`. */
  readonly certificate?: ClientCertificate | undefined;
}

/** What a handler knows of its call besides the messages. */
export interface CallContext {
  /** The method that is called. */
  readonly method: MethodDefinition;
  /** What the caller sent along; its own copy. */
  readonly metadata: Metadata;
  /** Aborts when the caller is gone, the deadline has passed or the server closes. */
  readonly signal: AbortSignal;
  /** When the caller stops waiting; absent when it waits for ever. */
  readonly deadline: Date | undefined;
  /** Who calls. */
  readonly peer: Peer;
}

/** Answers one request with one response. */
export type UnaryHandler<Request = unknown, Response = unknown> = (
  request: Request,
  context: CallContext,
) => Response | PromiseLike<Response>;

/** Answers one request with a stream of responses, mostly as an async generator. */
export type ServerStreamingHandler<Request = unknown, Response = unknown> = (
  request: Request,
  context: CallContext,
) => AsyncIterable<Response> | Iterable<Response>;

/** Answers a stream of requests with one response. The loop over them ends with the caller's half. */
export type ClientStreamingHandler<Request = unknown, Response = unknown> = (
  requests: AsyncIterable<Request>,
  context: CallContext,
) => Response | PromiseLike<Response>;

/** Answers a stream of requests with a stream of responses; both may go on at once. */
export type BidirectionalHandler<Request = unknown, Response = unknown> = (
  requests: AsyncIterable<Request>,
  context: CallContext,
) => AsyncIterable<Response> | Iterable<Response>;

/** A method's implementation: one of the four, which is said by the method's kind. */
export type Handler = (input: never, context: CallContext) => unknown;
