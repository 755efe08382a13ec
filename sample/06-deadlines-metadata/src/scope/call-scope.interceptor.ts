import {
  Injectable,
  type CallHandler,
  type ExecutionContext,
  type NestInterceptor,
} from '@nestjs/common';
import { ttrpcContextOf } from 'nestjs-ttrpc';
import { Observable } from 'rxjs';
import { callScope } from './call-scope.js';

/** Runs a handler in the scope of its call. */
@Injectable()
export class CallScopeInterceptor implements NestInterceptor {
  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const call = ttrpcContextOf(context);
    if (call === undefined) return next.handle();
    const { metadata, deadline, signal } = call;
    const scope = { requestId: metadata.get('request-id')[0] ?? 'none', deadline, signal };
    return new Observable((subscriber) =>
      callScope.run(scope, () => next.handle().subscribe(subscriber)),
    );
  }
}
