import { Metadata } from './spec/metadata.js';
import { StatusCode, statusName, toAny, type Status, type StatusDetail } from './spec/status.js';

/**
 * Every failure this library raises on purpose. Tell them apart by `kind`, which survives two
 * installed copies and serialisation; `code` is the failure's gRPC status code and `details` its
 * text, as on grpc-js's `ServiceError`.
 *
 * A wrong argument or option is a plain `TypeError` or `RangeError`, thrown where it was given.
 */
export abstract class TtrpcError extends Error {
  /** Which failure it is; one value for each class. */
  abstract readonly kind: `ttrpc.${string}`;
  /** gRPC status code. */
  abstract readonly code: number;
  /** What happened, without the code in front. */
  readonly details: string;
  /**
   * Whether the peer may have seen the request, on the error that a client's call ended with; when
   * `false`, trying again is safe. Absent on errors that ended no call.
   */
  declare readonly requestWritten?: boolean;

  constructor(details: string, options?: ErrorOptions) {
    super(details, options);
    this.name = new.target.name;
    this.details = details;
  }

  /** Empty, as ttrpc's responses have no metadata: for code that reads grpc-js's `ServiceError`. */
  get metadata(): Metadata {
    return new Metadata();
  }
}

/** The peer broke the rules; `scope` says how much of the connection is lost by it. */
export class ProtocolError extends TtrpcError {
  readonly kind = 'ttrpc.protocol';
  readonly code = StatusCode.InvalidArgument;
  /** `stream`: answered on that stream, the connection goes on. `connection`: the connection ends. */
  readonly scope: 'stream' | 'connection';

  constructor(details: string, scope: 'stream' | 'connection', options?: ErrorOptions) {
    super(details, options);
    this.scope = scope;
  }
}

/** The caller asked for what the state forbids, such as a message after the end; nothing was sent. */
export class UsageError extends TtrpcError {
  readonly kind = 'ttrpc.usage';
  readonly code = StatusCode.Internal;
}

/** A payload is above the limit; refused before it was sent or kept. */
export class PayloadTooLargeError extends TtrpcError {
  readonly kind = 'ttrpc.payload-too-large';
  readonly code = StatusCode.ResourceExhausted;
  /** Bytes offered. */
  readonly length: number;
  /** Bytes allowed. */
  readonly limit: number;

  /** The wording is that of the reference implementation (`errors.go`), so that logs match. */
  constructor(length: number, limit: number) {
    super(`message length ${length} exceed maximum message size of ${limit}`);
    this.length = length;
    this.limit = limit;
  }
}

/** A queue that a peer or a caller can grow is full; only the call at fault ends. */
export class BufferFullError extends TtrpcError {
  readonly kind = 'ttrpc.buffer-full';
  readonly code = StatusCode.ResourceExhausted;
}

/** Why there is no connection. */
export type ConnectionFailure =
  /** It could not be made. */
  | 'dial'
  /** This side closed it. */
  | 'local'
  /** The peer closed it in order. */
  | 'eof'
  /** The system broke it: ECONNRESET, EPIPE and the like are in `cause`. */
  | 'io'
  /** The peer broke the protocol; the {@link ProtocolError} is in `cause`. */
  | 'protocol'
  /** The peer does not read: what waits for it is above the bound. */
  | 'stalled';

/** There is no connection: it could not be made, or it was lost. */
export class ConnectionError extends TtrpcError {
  readonly kind = 'ttrpc.connection';
  readonly code = StatusCode.Unavailable;
  /** Why. */
  readonly reason: ConnectionFailure;
  /** The peer's address, as given or as formatted by this library. */
  readonly address: string;
  declare readonly requestWritten: boolean;

  constructor(
    details: string,
    facts: {
      reason: ConnectionFailure;
      address: string;
      requestWritten?: boolean;
      cause?: unknown;
    },
  ) {
    super(details, facts.cause === undefined ? undefined : { cause: facts.cause });
    this.reason = facts.reason;
    this.address = facts.address;
    this.requestWritten = facts.requestWritten ?? false;
  }
}

/** A fresh connection was refused by the handshake, or it took too long. */
export class HandshakeError extends TtrpcError {
  readonly kind = 'ttrpc.handshake';
  readonly code = StatusCode.Unavailable;
}

/** A service definition can't be had: a proto that is missing or does not parse, an unknown name. */
export class DefinitionError extends TtrpcError {
  readonly kind = 'ttrpc.definition';
  readonly code = StatusCode.Internal;
}

/** A call ended with a status other than OK. */
export class StatusError extends TtrpcError {
  readonly kind = 'ttrpc.status';
  readonly code: number;
  /** The whole of it, with the details. */
  readonly status: Status;
  /** Who decided: the peer, or this side (its deadline, its cancellation, its limits). */
  readonly origin: 'local' | 'remote';

  constructor(
    status: { code: number; message: string; details?: readonly StatusDetail[] | undefined },
    options?: ErrorOptions & { origin?: 'local' | 'remote' },
  ) {
    super(status.message, options?.cause === undefined ? undefined : { cause: options.cause });
    this.message = `${status.code} ${statusName(status.code)}: ${status.message}`;
    this.code = status.code;
    const { code, message, details = [] } = status;
    // Without a compiler it may be anything; `toStatus` sees to that.
    const anys = Array.isArray(details) ? details.map(toAny) : (details as Status['details']);
    this.status = { code, message, details: anys };
    this.origin = options?.origin ?? 'local';
  }
}

/** The failures by `kind`; `switch` over it is exhaustive. */
export type KnownTtrpcError =
  | ProtocolError
  | UsageError
  | PayloadTooLargeError
  | BufferFullError
  | ConnectionError
  | HandshakeError
  | DefinitionError
  | StatusError;

/**
 * Recognises by `kind`, not `instanceof`: two copies of the package may be installed.
 *
 * @example
 * ```ts
 * const isSafeToRepeat = (error: unknown): boolean =>
 *   isTtrpcError(error) && error.requestWritten === false;
 * ```
 */
export function isTtrpcError(value: unknown): value is KnownTtrpcError {
  return (
    value instanceof Error &&
    'kind' in value &&
    typeof value.kind === 'string' &&
    value.kind.startsWith('ttrpc.')
  );
}
