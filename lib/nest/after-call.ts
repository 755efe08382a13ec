import { Logger } from '@nestjs/common';
import type { ServerCall } from '../rpc/server-call.js';

const logger = new Logger('Ttrpc');

/**
 * Runs what users made once a call is over, at once if it is: the teardown of an Observable, a
 * listener, a hook. What that throws is logged, since nobody is left to be answered, and neither
 * the connection nor the other calls on it may suffer from it.
 */
export function afterCall(call: ServerCall, work: () => void): void {
  call.onStop(() => quietly(work));
}

/** Runs what users made; what it throws is logged. */
export function quietly(work: () => void): void {
  try {
    work();
  } catch (error) {
    logger.error(error);
  }
}
