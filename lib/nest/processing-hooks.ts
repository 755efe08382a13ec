import { AsyncResource } from 'node:async_hooks';
import type { ServerCall } from '../rpc/server-call.js';
import { afterCall } from './after-call.js';

/** Runs before a call is processed; it calls `done`, at once or later, to go on. */
export type StartHook = (
  transportId: never,
  context: unknown,
  done: () => Promise<unknown>,
) => unknown;

/** Runs once when a call is over, in the async context in which it was processed. */
export type EndHook = (transportId: never, context: unknown) => void;

/** What instrumentation has installed on the server. */
export interface ProcessingHooks {
  readonly transportId: unknown;
  readonly start: StartHook | undefined;
  readonly end: EndHook | undefined;
}

/**
 * Processes a call between the hooks.
 *
 * Source: Nest `server.ts` (`runWithProcessingHooks`), which Nest 11 does not have.
 *
 * @param context - what the start hook is told; the end hook is told the request, if there is one
 */
export function runWithHooks(
  hooks: ProcessingHooks,
  call: ServerCall,
  context: unknown,
  process: () => void,
): void {
  const transportId = hooks.transportId as never;
  const work = async (): Promise<void> => {
    const { end } = hooks;
    if (end !== undefined) {
      const runEnd = AsyncResource.bind(() => end(transportId, call.request ?? context));
      afterCall(call, () => runEnd());
    }
    if (!call.active) return;
    try {
      process();
    } catch (error) {
      // A hook that defers its work may leave the promise alone.
      call.fail(error);
    }
  };
  if (hooks.start === undefined) {
    void work();
    return;
  }
  try {
    Promise.resolve(hooks.start(transportId, context, work)).catch((error: unknown) =>
      call.fail(error),
    );
  } catch (error) {
    call.fail(error);
  }
}
