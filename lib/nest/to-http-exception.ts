import { HttpException, HttpStatus } from '@nestjs/common';
import { isTtrpcError } from '../errors.js';
import { StatusCode } from '../spec/status.js';
import { httpStatusOf } from './http-status.js';

/** The reason phrase of 499, which Nest does not have. */
const CLIENT_CLOSED = 'Client Closed Request';

/**
 * What an HTTP handler throws when its call over ttrpc failed: the HTTP status of the error's code,
 * and the error as `cause`. The text of a status is told; that of any other failure, which may name
 * sockets and files of this machine, is not.
 *
 * @param error - a failed call's error; an HttpException is returned as it is, anything else is 500
 * @example
 * ```ts
 * heroes.findOne({ id }).pipe(catchError((error) => throwError(() => toHttpException(error))));
 * ```
 */
export function toHttpException(error: unknown): HttpException {
  if (error instanceof HttpException) return error;
  const known = isTtrpcError(error) ? error : undefined;
  const statusCode = httpStatusOf(known?.code ?? StatusCode.Unknown);
  const phrase = phraseOf(statusCode);
  const told = known?.kind === 'ttrpc.status' ? known.details : '';
  const body = { message: told === '' ? phrase : told, error: phrase, statusCode };
  return new HttpException(body, statusCode, { cause: error });
}

/** `Not Found` of 404, which Nest knows as `NOT_FOUND`. */
function phraseOf(statusCode: number): string {
  const name = HttpStatus[statusCode];
  if (name === undefined) return CLIENT_CLOSED;
  return name
    .replaceAll(/[A-Z]+/g, (word) => word.charAt(0) + word.slice(1).toLowerCase())
    .replaceAll('_', ' ');
}
