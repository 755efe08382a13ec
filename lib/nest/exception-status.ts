import { isTtrpcError, StatusError } from '../errors.js';
import { isDeliberate, toStatus } from '../rpc/to-status.js';
import type { Status } from '../spec/status.js';
import { statusCodeOfHttp } from './http-status.js';

/** A row of the table: the status of one family of exceptions, `undefined` for all others. */
type Row = (thrown: object) => Status | undefined;

/** By shape, not by class: two copies of Nest may be installed, and older ones lack some classes. */
const TABLE: readonly Row[] = [
  (thrown) => (isTtrpcError(thrown) ? toStatus(thrown) : undefined),
  (thrown) => (isRpcException(thrown) ? statusOfRpc(thrown) : undefined),
  (thrown) => (isHttpException(thrown) ? statusOfHttp(thrown) : undefined),
  (thrown) => (isServiceError(thrown) || isPlatformError(thrown) ? toStatus(thrown) : undefined),
  (thrown) => (thrown instanceof Error ? undefined : statusOfPlain(thrown)),
];

/**
 * The status that an exception of Nest's world asks for: `RpcException`, Nest's `GrpcException`
 * family, `HttpException`, this library's errors, grpc-js's `ServiceError`, AbortError, TimeoutError,
 * and an object with a `code`. `undefined` for any other, whose text is nobody's business.
 */
export function statusOfException(thrown: unknown): Status | undefined {
  if (typeof thrown !== 'object' || thrown === null) return undefined;
  try {
    for (const row of TABLE) {
      const status = row(thrown);
      if (status !== undefined) return status;
    }
  } catch {
    // A getter or method of the exception threw: nothing that it says can be relied on.
  }
  return undefined;
}

/**
 * What a call is to fail with for what a handler threw where no filter of Nest's sees it: in an
 * (async) iterable, a callback, an event, or a filter.
 */
export function failureOf(thrown: unknown): unknown {
  const status = statusOfException(thrown);
  return status === undefined ? thrown : new StatusError(status, { cause: thrown });
}

/** Nest's `RpcException` and `GrpcException`, which have no ancestor in common but Error. */
interface RpcExceptionShape extends Error {
  getError(): unknown;
}

function isRpcException(thrown: object): thrown is RpcExceptionShape {
  return thrown instanceof Error && hasMethod(thrown, 'getError');
}

function statusOfRpc(exception: RpcExceptionShape): Status | undefined {
  const error = exception.getError();
  // Kafka's exception is its own error.
  if (error instanceof Error) return error === exception ? undefined : statusOfException(error);
  if (typeof error === 'string') return statusOfMessage(error);
  if (typeof error !== 'object' || error === null) return statusOfMessage(exception.message);
  const { message } = error as { message?: unknown };
  // Without a text of its own, the exception's is what there is.
  const isText = typeof message === 'string' || Array.isArray(message);
  return toStatus(isText ? error : { ...error, message: exception.message });
}

/** What Nest's own filter makes of an exception that is a text; a guard's denial is one. */
function statusOfMessage(message: string): Status {
  return toStatus({ status: 'error', message });
}

interface HttpExceptionShape extends Error {
  getStatus(): number;
  getResponse(): unknown;
}

function isHttpException(thrown: object): thrown is HttpExceptionShape {
  return (
    thrown instanceof Error && hasMethod(thrown, 'getStatus') && hasMethod(thrown, 'getResponse')
  );
}

function statusOfHttp(exception: HttpExceptionShape): Status {
  const code = statusCodeOfHttp(exception.getStatus());
  const { message, details } = bodyOf(exception.getResponse());
  return toStatus({
    code,
    message: message ?? exception.message,
    details: Array.isArray(details) ? details : [],
  });
}

/** A response may be the text alone; ValidationPipe's has a list of texts. */
function bodyOf(response: unknown): { message?: unknown; details?: unknown } {
  if (typeof response === 'object' && response !== null) return response;
  return { message: response };
}

/** grpc-js's error: what a handler that calls another gRPC server lets through. */
function isServiceError(thrown: object): boolean {
  if (!(thrown instanceof Error)) return false;
  const { code, details } = thrown as { code?: unknown; details?: unknown };
  return typeof code === 'number' && typeof details === 'string' && toStatus(thrown).code === code;
}

function isPlatformError({ name }: { name?: unknown }): boolean {
  return name === 'AbortError' || name === 'TimeoutError';
}

/** An object that names its code; what only has a message was not meant for the caller. */
function statusOfPlain(thrown: object): Status | undefined {
  const { code, status } = thrown as { code?: unknown; status?: unknown };
  return isDeliberate({ code, status }) ? toStatus(thrown) : undefined;
}

function hasMethod(thrown: object, name: string): boolean {
  return typeof (thrown as Record<string, unknown>)[name] === 'function';
}
