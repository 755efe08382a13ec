import type { ArgumentsHost } from '@nestjs/common';
import { TtrpcServerCall } from './ttrpc-call.js';
import { TtrpcDuplexCall } from './ttrpc-duplex-call.js';

/**
 * What stands where handlers have their call: the third argument, or the first of a pass-through
 * handler. Nest's gRPC transport has them there too, and one handler may serve both.
 */
export function callArgument(host: ArgumentsHost): unknown {
  return host.getArgByIndex<unknown>(2) ?? host.getArgByIndex<unknown>(0);
}

/** Whether a handler's arguments are those of a call over ttrpc, not of any other transport. */
export function isTtrpcCall(host: ArgumentsHost): boolean {
  const call = callArgument(host);
  return call instanceof TtrpcServerCall || call instanceof TtrpcDuplexCall;
}
