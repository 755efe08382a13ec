import {
  Catch,
  Inject,
  Logger,
  Optional,
  type ArgumentsHost,
  type ExceptionFilter,
} from '@nestjs/common';
import { BaseExceptionFilter, HttpAdapterHost } from '@nestjs/core';
import { BaseRpcExceptionFilter } from '@nestjs/microservices';
import { throwError, type Observable } from 'rxjs';
import { StatusError } from '../errors.js';
import { isDeliberate } from '../rpc/to-status.js';
import type { Status, StatusDetail } from '../spec/status.js';
import { ttrpcContextOf } from './call-of.js';
import { statusOfException } from './exception-status.js';
import { responseAdapter } from './response-adapter.js';

/** What a {@link TtrpcExceptionFilter} may be told. */
export interface TtrpcExceptionFilterOptions {
  /**
   * Rows in front of the table: the status of an exception, or `undefined` to leave it to the
   * table.
   */
  readonly map?: ((exception: unknown) => MappedStatus | undefined) | undefined;
}

/** A status, whose text and details may be left out; details as for a `TtrpcException`. */
export type MappedStatus = Pick<Status, 'code'> &
  Partial<Pick<Status, 'message'>> & {
    /** What the caller is told besides. */
    readonly details?: readonly StatusDetail[] | undefined;
  };

const logger = new Logger('TtrpcExceptionFilter');

const rpcFilter = new BaseRpcExceptionFilter();

/**
 * Ends a call with the status that an exception stands for, whatever the kind of the handler. What
 * the table does not know is UNKNOWN; its text is logged, not told.
 *
 * It is for ttrpc alone: exceptions of other transports, and of HTTP in a hybrid application, are
 * answered as Nest answers them without a filter.
 *
 * @example
 * ```ts
 * app.useGlobalFilters(new TtrpcExceptionFilter());
 * ```
 */
@Catch()
export class TtrpcExceptionFilter implements ExceptionFilter {
  readonly #map: TtrpcExceptionFilterOptions['map'];

  /** Nest sets it where it makes the filter itself (`APP_FILTER`, `@UseFilters`). */
  @Optional()
  @Inject(HttpAdapterHost)
  protected readonly httpAdapterHost?: HttpAdapterHost;

  constructor(options: TtrpcExceptionFilterOptions = {}) {
    this.#map = options.map;
  }

  /** @returns for rpc an Observable that fails with the status, as Nest wants it */
  catch(exception: unknown, host: ArgumentsHost): Observable<unknown> | undefined {
    const type: string = host.getType();
    if (type === 'rpc') return this.#catchRpc(exception, host);
    if (type === 'http') this.#catchHttp(exception, host);
    // A gateway's filters are its last: Nest does nothing more. Anything else goes on to Nest's own.
    else if (type === 'ws') logger.error(exception);
    return undefined;
  }

  #catchRpc(exception: unknown, host: ArgumentsHost): Observable<unknown> {
    if (ttrpcContextOf(host) === undefined) return rpcFilter.catch(exception, host);
    const status = this.#statusOf(exception);
    if (status !== undefined) {
      return throwError(() => new StatusError(status, { cause: exception }));
    }
    // The transport logs what it does not know, and tells it if it may. What it would take for a
    // status, such as an Error with the exit code of a process, goes by Nest's filter.
    if (isDeliberate(exception)) return rpcFilter.catch(exception, host);
    return throwError(() => exception);
  }

  #statusOf(exception: unknown): (MappedStatus & Pick<Status, 'message'>) | undefined {
    const mapped = this.#map?.(exception);
    if (mapped === undefined) return statusOfException(exception);
    return { message: '', ...mapped };
  }

  #catchHttp(exception: unknown, host: ArgumentsHost): void {
    const adapter = this.httpAdapterHost?.httpAdapter ?? responseAdapter();
    new BaseExceptionFilter(adapter).catch(exception, host);
  }
}
