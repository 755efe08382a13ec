import { isTtrpcError, type KnownTtrpcError } from '../errors.js';
import { statusCodeOf, StatusCode, toAny, type AnyMessage, type Status } from '../spec/status.js';

/** What the caller is told of an error that nobody meant for it. */
const HIDDEN = 'Internal server error';

/** What grpc-js tells the caller of an error that has a code but no text. */
const NO_TEXT = 'Unknown Error';

/**
 * The status that a failed call ends with. Total: any thrown value has an answer, and this is the
 * only table.
 *
 * Beside this library's errors it knows those of gRPC's world: an object with an integer `code` of
 * 1 to 16 (grpc-js's `ServiceError`), the platform's AbortError and TimeoutError, and, since that is
 * what Nest's filters make of exceptions, an object that is no `Error`: its `code` or `status` may be
 * a name such as `NOT_FOUND` too, and one without either but with a message is UNKNOWN with that
 * message. The text of anything else stays here.
 *
 * Source: containerd/ttrpc `services.go` (`convertCode`), `errors.go`; grpc-js `server-call.ts`.
 *
 * @param exposeUnknown - whether the message of an unknown error is told as well; never its stack
 */
export function toStatus(thrown: unknown, exposeUnknown = false): Status {
  return declaredStatus(thrown) ?? statusOf(StatusCode.Unknown, unknownText(thrown, exposeUnknown));
}

/** Whether a failure says by itself which status it wants; what does not is worth a log line. */
export function isDeliberate(thrown: unknown): boolean {
  return declaredStatus(thrown) !== undefined;
}

/** The status that a failure names by itself, or `undefined`. */
function declaredStatus(thrown: unknown): Status | undefined {
  try {
    if (isTtrpcError(thrown)) return statusOfKnown(thrown);
    return typeof thrown === 'object' && thrown !== null ? statusOfShape(thrown) : undefined;
  } catch {
    // A getter of the handler's making threw: nothing that it says can be relied on.
    return undefined;
  }
}

function unknownText(thrown: unknown, expose: boolean): string {
  if (!expose) return HIDDEN;
  try {
    return String(thrown instanceof Error ? thrown.message : thrown);
  } catch {
    // An object without a prototype can't be made a string.
    return HIDDEN;
  }
}

function statusOfKnown(error: KnownTtrpcError): Status {
  switch (error.kind) {
    case 'ttrpc.status':
      return sendable(error.status);
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

/** The same status as far as the wire can say it: users without a compiler may have put anything in. */
function sendable({ code, message, details }: Status): Status {
  return {
    // OK is no way to fail, and a status code is an int32.
    code: code === (code | 0) && code !== StatusCode.Ok ? code : StatusCode.Unknown,
    message: typeof message === 'string' ? message : '',
    details: Array.isArray(details) ? anysOf(details) : [],
  };
}

interface StatusShape {
  readonly code?: unknown;
  readonly status?: unknown;
  readonly name?: unknown;
  readonly message?: unknown;
  readonly details?: unknown;
}

function statusOfShape(thrown: StatusShape): Status | undefined {
  const { name, details } = thrown;
  const code = codeOf(thrown);
  if (code !== undefined) {
    return {
      code,
      message: textOf(thrown),
      details: Array.isArray(details) ? anysOf(details) : [],
    };
  }
  if (name === 'AbortError') return statusOf(StatusCode.Cancelled, textOf(thrown));
  if (name === 'TimeoutError') return statusOf(StatusCode.DeadlineExceeded, textOf(thrown));
  const isPlain = !(thrown instanceof Error) && hasText(thrown.message);
  return isPlain ? statusOf(StatusCode.Unknown, textOf(thrown)) : undefined;
}

/** The code that an object names by itself, or `undefined`. */
function codeOf(thrown: StatusShape): number | undefined {
  const { code, status } = thrown;
  // A DOMException's code is not gRPC's: 9 is NotSupportedError.
  if (thrown instanceof DOMException) return undefined;
  if (isStatusCode(code)) return code;
  // What else an Error has there is its own library's: ABORTED of a parser is no status.
  if (thrown instanceof Error) return undefined;
  if (isDenial(thrown)) return StatusCode.PermissionDenied;
  return codeNamed(code) ?? (isStatusCode(status) ? status : codeNamed(status));
}

/** What Nest's filters make of a guard's denial. */
function isDenial({ status, message }: StatusShape): boolean {
  return status === 'error' && message === 'Forbidden resource';
}

function codeNamed(name: unknown): number | undefined {
  const code = typeof name === 'string' ? statusCodeOf(name) : undefined;
  // OK is no way to fail.
  return code === StatusCode.Ok ? undefined : code;
}

function isStatusCode(code: unknown): code is number {
  return typeof code === 'number' && Number.isInteger(code) && code > 0 && code <= 16;
}

/** As grpc-js has it: string `details` win over `message`, of which there may be several, or none. */
function textOf({ details, message }: StatusShape): string {
  if (typeof details === 'string') return details;
  if (typeof message === 'string') return message;
  return isTexts(message) ? message.join('; ') : NO_TEXT;
}

function hasText(message: unknown): boolean {
  return typeof message === 'string' || isTexts(message);
}

function isTexts(message: unknown): message is readonly string[] {
  return Array.isArray(message) && message.every((text) => typeof text === 'string');
}

function anysOf(details: readonly unknown[]): AnyMessage[] {
  return details.map((detail) => toAny(detail as AnyMessage)).filter(isAnyMessage);
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
