/**
 * How a call ends: gRPC's status codes and the status message that carries one.
 *
 * Source: google/rpc `code.proto` and `status.proto`.
 */

/** The 17 canonical codes. */
export const StatusCode = {
  /** The call did what it should; never an error. */
  Ok: 0,
  /** The call was given up, mostly by its caller. */
  Cancelled: 1,
  /** Nobody said why: the error of another world, or of none. */
  Unknown: 2,
  /** The request is wrong whatever the state of the server. */
  InvalidArgument: 3,
  /** Time was up before the call was done; it may have taken effect. */
  DeadlineExceeded: 4,
  /** What was asked for is not there. */
  NotFound: 5,
  /** What was to be made is there already. */
  AlreadyExists: 6,
  /** The caller is known and may not. */
  PermissionDenied: 7,
  /** Something is used up: a quota, a buffer, a limit of size. */
  ResourceExhausted: 8,
  /** The state forbids it; trying again does not help until that is changed. */
  FailedPrecondition: 9,
  /** Something else came in between; begin again from a higher level. */
  Aborted: 10,
  /** Beyond the end: the request may be right once the state is another. */
  OutOfRange: 11,
  /** There is no such method, or it does nothing yet. */
  Unimplemented: 12,
  /** Something that should always hold does not. */
  Internal: 13,
  /** There is no server at the moment; trying again may help. */
  Unavailable: 14,
  /** Data is lost or damaged for good. */
  DataLoss: 15,
  /** Nobody knows who the caller is. */
  Unauthenticated: 16,
} as const;

/** One of the canonical codes. */
export type StatusCode = (typeof StatusCode)[keyof typeof StatusCode];

/** Upper-case names as gRPC prints them, by code. */
const STATUS_NAMES = [
  'OK',
  'CANCELLED',
  'UNKNOWN',
  'INVALID_ARGUMENT',
  'DEADLINE_EXCEEDED',
  'NOT_FOUND',
  'ALREADY_EXISTS',
  'PERMISSION_DENIED',
  'RESOURCE_EXHAUSTED',
  'FAILED_PRECONDITION',
  'ABORTED',
  'OUT_OF_RANGE',
  'UNIMPLEMENTED',
  'INTERNAL',
  'UNAVAILABLE',
  'DATA_LOSS',
  'UNAUTHENTICATED',
] as const;

/** A code's upper-case name, as in gRPC's messages. */
export type StatusName = (typeof STATUS_NAMES)[number];

/** A message of a type that its `typeUrl` names (`google.protobuf.Any`), still encoded. */
export interface AnyMessage {
  /** `type.googleapis.com/pkg.Message`, or the bare `pkg.Message` that containerd writes. */
  readonly typeUrl: string;
  /** The encoded message; owned by whoever holds this object. */
  readonly value: Uint8Array;
  /**
   * The decoded message: on a received status whose method's definitions know the type, and on one
   * that was made of it.
   */
  readonly message?: unknown;
}

/** A detail that is encoded when its status is sent, by the definitions of the called service. */
export interface DetailMessage {
  /** Full name of the message's type: `pkg.Message`, or a type URL. */
  readonly type: string;
  /** As a response of that type would be. */
  readonly message: unknown;
}

/** What a status may be made with: an encoded message, or one to be encoded. */
export type StatusDetail = AnyMessage | DetailMessage;

/** The `value` of a detail that is still to be encoded. */
export const NOT_ENCODED = new Uint8Array(0);

/** Both kinds of details as the one that a status has; anything else stays what it is. */
export function toAny(detail: StatusDetail): AnyMessage {
  const { type, message } = (detail ?? {}) as Partial<DetailMessage>;
  if (typeof type !== 'string') return detail as AnyMessage;
  const typeUrl = type.includes('/') ? type : `type.googleapis.com/${type}`;
  return { typeUrl, value: NOT_ENCODED, message };
}

/** How a call ended (`google.rpc.Status`). */
export interface Status {
  /** One of {@link StatusCode}; a peer may send any 32-bit number. */
  readonly code: number;
  /** Text for developers, in English. */
  readonly message: string;
  /** Machine-readable details, in order. */
  readonly details: readonly AnyMessage[];
}

/** The upper-case name of a code, or `CODE_n` for a number that gRPC does not know. */
export function statusName(code: number): string {
  return STATUS_NAMES[code] ?? `CODE_${code}`;
}

/** The code with this upper-case name, or `undefined`. */
export function statusCodeOf(name: string): StatusCode | undefined {
  const code = (STATUS_NAMES as readonly string[]).indexOf(name);
  return code < 0 ? undefined : (code as StatusCode);
}
