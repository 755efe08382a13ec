import {
  Injectable,
  type CallHandler,
  type ExecutionContext,
  type NestInterceptor,
} from '@nestjs/common';
import { catchError, type Observable } from 'rxjs';
import { isTtrpcError } from '../errors.js';
import { toHttpException } from './to-http-exception.js';

/**
 * Answers HTTP with the status of the calls that its handlers let fail, as `toHttpException` has it.
 * What is no failed call, and what is not HTTP, it leaves alone.
 *
 * @example
 * ```ts
 * app.useGlobalInterceptors(new TtrpcToHttpInterceptor());
 * ```
 */
@Injectable()
export class TtrpcToHttpInterceptor implements NestInterceptor {
  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    if (context.getType() !== 'http') return next.handle();
    return next.handle().pipe(
      catchError((error: unknown) => {
        throw isTtrpcError(error) ? toHttpException(error) : error;
      }),
    );
  }
}
