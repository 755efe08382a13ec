/**
 * How a call ends: gRPC's status codes and the status message that carries one.
 *
 * Source: google/rpc `code.proto` and `status.proto`.
 */

/** The 17 canonical codes. */
export const StatusCode = {
  Ok: 0,
  Cancelled: 1,
  Unknown: 2,
  InvalidArgument: 3,
  DeadlineExceeded: 4,
  NotFound: 5,
  AlreadyExists: 6,
  PermissionDenied: 7,
  ResourceExhausted: 8,
  FailedPrecondition: 9,
  Aborted: 10,
  OutOfRange: 11,
  Unimplemented: 12,
  Internal: 13,
  Unavailable: 14,
  DataLoss: 15,
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
  /** The decoded message, on a received status whose method's definitions know the type. */
  readonly message?: unknown;
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
