import { RpcException } from '@nestjs/microservices';
import {
  statusCodeOf,
  StatusCode,
  toAny,
  type AnyMessage,
  type StatusDetail,
  type StatusName,
} from '../spec/status.js';

const FAILURES: ReadonlySet<unknown> = new Set(
  Object.values(StatusCode).filter((code) => code !== StatusCode.Ok),
);

/** What a {@link TtrpcException} is made of. */
export interface TtrpcExceptionStatus {
  /** One of `StatusCode`, or its name, such as `NOT_FOUND`. */
  readonly code: number | StatusName;
  /** Text for developers, in English. */
  readonly message: string;
  /**
   * Machine-readable details, in order: encoded as `{ typeUrl, value }`, or as `{ type, message }`,
   * which the definitions of the called service encode. What they can't is logged and left out.
   */
  readonly details?: readonly StatusDetail[] | undefined;
}

/**
 * Ends a call with a status, as `RpcException` does, with the compiler's help.
 *
 * @example
 * ```ts
 * throw new TtrpcException({ code: StatusCode.NotFound, message: 'no such hero' });
 * throw new TtrpcException({
 *   code: StatusCode.FailedPrecondition,
 *   message: 'short of money',
 *   details: [{ type: 'bank.Shortage', message: { missing: 30 } }],
 * });
 * ```
 */
export class TtrpcException extends RpcException {
  /** gRPC status code. */
  readonly code: number;
  /** Machine-readable details, in order. */
  readonly details: readonly AnyMessage[];

  /** @throws TypeError when the code is that of no failure */
  constructor({ code, message, details = [] }: TtrpcExceptionStatus) {
    const number = typeof code === 'string' ? statusCodeOf(code) : code;
    if (!FAILURES.has(number)) {
      throw new TypeError(`code must be that of a failure, 1 to 16 or its name, got ${code}`);
    }
    const anys = details.map(toAny);
    super({ code: number, message, details: anys });
    this.code = number as number;
    this.details = anys;
  }
}
