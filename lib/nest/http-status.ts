import { StatusCode } from '../spec/status.js';

/**
 * HTTP status of each gRPC code.
 *
 * Source: google/rpc `code.proto` ("HTTP Mapping").
 */
const HTTP_STATUS: Readonly<Record<number, number>> = {
  [StatusCode.Ok]: 200,
  [StatusCode.Cancelled]: 499,
  [StatusCode.Unknown]: 500,
  [StatusCode.InvalidArgument]: 400,
  [StatusCode.DeadlineExceeded]: 504,
  [StatusCode.NotFound]: 404,
  [StatusCode.AlreadyExists]: 409,
  [StatusCode.PermissionDenied]: 403,
  [StatusCode.ResourceExhausted]: 429,
  [StatusCode.FailedPrecondition]: 400,
  [StatusCode.Aborted]: 409,
  [StatusCode.OutOfRange]: 400,
  [StatusCode.Unimplemented]: 501,
  [StatusCode.Internal]: 500,
  [StatusCode.Unavailable]: 503,
  [StatusCode.DataLoss]: 500,
  [StatusCode.Unauthenticated]: 401,
};

/**
 * gRPC code of each HTTP status that has one of its own. Of the codes that share a status it is the
 * one that Nest's exception of that status means: a ConflictException says ALREADY_EXISTS.
 *
 * Source: google/rpc `code.proto` ("HTTP Mapping"), read backwards; for the statuses that it does
 * not name (405, 408, 410, 412, 413, 416, 502) their definitions in RFC 9110.
 */
const STATUS_CODE: Readonly<Record<number, number>> = {
  401: StatusCode.Unauthenticated,
  403: StatusCode.PermissionDenied,
  404: StatusCode.NotFound,
  405: StatusCode.Unimplemented,
  408: StatusCode.DeadlineExceeded,
  409: StatusCode.AlreadyExists,
  410: StatusCode.NotFound,
  412: StatusCode.FailedPrecondition,
  413: StatusCode.ResourceExhausted,
  416: StatusCode.OutOfRange,
  429: StatusCode.ResourceExhausted,
  499: StatusCode.Cancelled,
  501: StatusCode.Unimplemented,
  502: StatusCode.Unavailable,
  503: StatusCode.Unavailable,
  504: StatusCode.DeadlineExceeded,
};

/** The HTTP status that says what a gRPC code says; 500 for a code that gRPC does not know. */
export function httpStatusOf(code: number): number {
  return HTTP_STATUS[code] ?? 500;
}

/**
 * The gRPC code that says what an HTTP status says. A status without a row counts as the first of
 * its class, as RFC 9110 (section 15) has it: 400 is INVALID_ARGUMENT, 500 INTERNAL.
 */
export function statusCodeOfHttp(status: number): number {
  const code = STATUS_CODE[status];
  if (code !== undefined) return code;
  if (status >= 400 && status < 500) return StatusCode.InvalidArgument;
  return status >= 500 && status < 600 ? StatusCode.Internal : StatusCode.Unknown;
}
