import { MAX_TIMER_MS } from '../protocol/connection-options.js';
import type { ServerConnection } from '../protocol/server-connection.js';

/** Ends no watch. */
const nothing = (): void => undefined;

/** Stands for a stream that was open; no stream has this id. */
const BUSY = -1;

/**
 * Calls `onIdle` once a connection has carried no call for `timeoutMs` at least and twice that at
 * most: it looks from time to time, so that calls cost nothing.
 *
 * @param timeoutMs - in milliseconds; `Infinity`: never
 * @returns ends the watch
 */
export function watchIdle(
  connection: ServerConnection,
  timeoutMs: number,
  onIdle: () => void,
): () => void {
  if (timeoutMs === Infinity) return nothing;
  let seen = connection.lastStreamId;
  const look = (): void => {
    const { lastStreamId, openStreams } = connection;
    if (openStreams === 0 && lastStreamId === seen) onIdle();
    seen = openStreams === 0 ? lastStreamId : BUSY;
  };
  const timer = setInterval(look, Math.min(timeoutMs, MAX_TIMER_MS));
  return () => clearInterval(timer);
}
