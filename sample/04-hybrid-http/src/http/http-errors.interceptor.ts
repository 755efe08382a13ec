import { Injectable, type CallHandler, type NestInterceptor } from '@nestjs/common';
import { toHttpException } from 'nestjs-ttrpc';
import { catchError, throwError, type Observable } from 'rxjs';

/** Answers with the HTTP status that a failed call's code stands for. */
@Injectable()
export class HttpErrorsInterceptor implements NestInterceptor {
  intercept(_context: unknown, next: CallHandler): Observable<unknown> {
    return next.handle().pipe(catchError((error) => throwError(() => toHttpException(error))));
  }
}
