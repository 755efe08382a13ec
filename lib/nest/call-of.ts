import type { ArgumentsHost } from '@nestjs/common';
import { TtrpcServerCall } from './ttrpc-call.js';
import { TtrpcDuplexCall } from './ttrpc-duplex-call.js';
import type { TtrpcContext } from './ttrpc.context.js';

/**
 * What stands where handlers have their call: the third argument, or the first of a pass-through
 * handler. Nest's gRPC transport has them there too, and one handler may serve both.
 */
export function callArgument(host: ArgumentsHost): unknown {
  return host.getArgByIndex<unknown>(2) ?? host.getArgByIndex<unknown>(0);
}

/**
 * The call that a guard, an interceptor, a filter or a decorator of one's own sees, whatever the
 * kind of its handler; `undefined` where it is of another transport, such as HTTP or gRPC.
 *
 * @param host - what Nest gives to `canActivate`, `intercept` or `catch`
 * @example
 * ```ts
 * class OwnerGuard implements CanActivate {
 *   canActivate(context: ExecutionContext) {
 *     return ttrpcContextOf(context)?.metadata.get('owner').includes('me') ?? false;
 *   }
 * }
 * ```
 */
export function ttrpcContextOf(host: ArgumentsHost): TtrpcContext | undefined {
  const call = callArgument(host);
  return call instanceof TtrpcServerCall || call instanceof TtrpcDuplexCall ? call : undefined;
}
