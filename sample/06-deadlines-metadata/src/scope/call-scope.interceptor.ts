import {
  Injectable,
  type CallHandler,
  type ExecutionContext,
  type NestInterceptor,
} from '@nestjs/common';
import type { TtrpcContext } from 'nestjs-ttrpc';
import { Observable } from 'rxjs';
import { callScope } from './call-scope.js';

/** Runs a handler in the scope of its call. */
@Injectable()
export class CallScopeInterceptor implements NestInterceptor {
  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    // Arguments of a handler are payload, metadata and call.
    const { metadata, deadline, signal } = context.getArgByIndex<TtrpcContext>(2);
    const scope = { requestId: metadata.get('request-id')[0] ?? 'none', deadline, signal };
    return new Observable((subscriber) =>
      callScope.run(scope, () => next.handle().subscribe(subscriber)),
    );
  }
}
