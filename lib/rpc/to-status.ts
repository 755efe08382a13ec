import { isTtrpcError, type KnownTtrpcError } from '../errors.js';
import { StatusCode, type AnyMessage, type Status } from '../spec/status.js';

/** What the caller is told of an error that nobody meant for it. */
const HIDDEN = 'Internal server error';

/**
 * The status that a failed call ends with. Total: any thrown value has an answer, and this is the
 * only table.
 *
 * Beside this library's errors it knows those of gRPC's world: an object with an integer `code` of
 * 1 to 16 (grpc-js's `ServiceError`, what Nest's filters make of an `RpcException`), and the
 * platform's AbortError and TimeoutError. The text of anything else stays here.
 *
 * Source: containerd/ttrpc `services.go` (`convertCode`), `errors.go`; grpc-js `server-call.ts`.
 *
 * @param exposeUnknown - whether the message of an unknown error is told as well; never its stack
 */
export function toStatus(thrown: unknown, exposeUnknown = false): Status {
  if (isTtrpcError(thrown)) return statusOfKnown(thrown);
  if (typeof thrown === 'object' && thrown !== null) {
    const status = statusOfShape(thrown);
    if (status !== undefined) return status;
  }
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return statusOf(StatusCode.Unknown, exposeUnknown ? message : HIDDEN);
}

/** Whether a failure says by itself which status it wants; what does not is worth a log line. */
export function isDeliberate(thrown: unknown): boolean {
  return (
    isTtrpcError(thrown) ||
    (typeof thrown === 'object' && thrown !== null && statusOfShape(thrown) !== undefined)
  );
}

function statusOfKnown(error: KnownTtrpcError): Status {
  switch (error.kind) {
    case 'ttrpc.status':
      // OK is no way to fail.
      return error.code === StatusCode.Ok
        ? statusOf(StatusCode.Unknown, error.details)
        : error.status;
    case 'ttrpc.protocol':
    case 'ttrpc.usage':
    case 'ttrpc.payload-too-large':
    case 'ttrpc.buffer-full':
    case 'ttrpc.connection':
    case 'ttrpc.handshake':
    case 'ttrpc.definition':
      return statusOf(error.code, error.details);
    default:
      error satisfies never; // a new kind without a row here does not compile
      return statusOf(StatusCode.Unknown, HIDDEN);
  }
}

interface StatusShape {
  readonly code?: unknown;
  readonly name?: unknown;
  readonly message?: unknown;
  readonly details?: unknown;
}

function statusOfShape(thrown: StatusShape): Status | undefined {
  const { code, name, details } = thrown;
  if (isStatusCode(code)) {
    return {
      code,
      message: textOf(thrown),
      details: Array.isArray(details) ? anysOf(details) : [],
    };
  }
  if (name === 'AbortError') return statusOf(StatusCode.Cancelled, textOf(thrown));
  if (name === 'TimeoutError') return statusOf(StatusCode.DeadlineExceeded, textOf(thrown));
  return undefined;
}

function isStatusCode(code: unknown): code is number {
  return typeof code === 'number' && Number.isInteger(code) && code > 0 && code <= 16;
}

/** As grpc-js has it: string `details` win over `message`. */
function textOf({ details, message }: StatusShape): string {
  if (typeof details === 'string') return details;
  return typeof message === 'string' ? message : '';
}

function anysOf(details: readonly unknown[]): AnyMessage[] {
  return details.filter(isAnyMessage);
}

function isAnyMessage(value: unknown): value is AnyMessage {
  return (
    typeof value === 'object' &&
    value !== null &&
    typeof (value as Partial<AnyMessage>).typeUrl === 'string' &&
    (value as Partial<AnyMessage>).value instanceof Uint8Array
  );
}

function statusOf(code: number, message: string): Status {
  return { code, message, details: [] };
}
