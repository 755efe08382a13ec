import type { LoadClient } from '../peers/peer.js';
import { repeat, type Job } from './job.js';

export interface LiftOrder {
  readonly job: 'lift';
  readonly calls: number;
  readonly atOnce: number;
  /** Bytes each way. */
  readonly size: number;
}

/** Large requests and large answers at once: whoever writes before it reads waits for ever. */
export function lift(client: LoadClient, { calls, atOnce, size }: LiftOrder): Job<number> {
  const data = Buffer.alloc(size, 'x');
  return repeat(calls, atOnce, () => client.lift(data));
}
