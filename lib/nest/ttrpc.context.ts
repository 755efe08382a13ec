import type { Peer } from '../rpc/call.js';
import type { Metadata } from '../spec/metadata.js';

/** What any kind of handler can ask of its call: what `@TtrpcCall()` gives. */
export interface TtrpcContext {
  /** What the caller sent along. */
  readonly metadata: Metadata;
  /** Who calls, and what the handshake attached to its connection. */
  readonly peer: Peer;
  /** When the caller stops waiting; absent when it waits for ever. */
  readonly deadline: Date | undefined;
  /** Aborts when the caller is gone, the deadline has passed or the server closes. */
  readonly signal: AbortSignal;
  /** Whether nobody waits for the answer any more. */
  readonly cancelled: boolean;
  /** `/pkg.Service/Method`. */
  readonly fullMethod: string;
  /** `pkg.Service/Method`. */
  getPattern(): string;
}
