import { connect } from '../peers/all.js';
import type { Config, LoadClient } from '../peers/peer.js';
import { bulk, type BulkOrder } from './bulk.js';
import { chaos, type ChaosOrder } from './chaos.js';
import { hold, type HoldOrder } from './hold.js';
import type { Job } from './job.js';
import { lift, type LiftOrder } from './lift.js';
import { stall, type StallOrder } from './stall.js';

export type JobOrder = BulkOrder | ChaosOrder | HoldOrder | LiftOrder | StallOrder;

/** Where a job is done. */
export interface Site {
  readonly config: Config;
  /** Grows with the clients that are kept. */
  readonly clients: LoadClient[];
}

export function startJob(order: JobOrder, { config, clients }: Site): Job {
  const client = clients[0] as LoadClient;
  const connectAnew = (): Promise<LoadClient> => connect(config);
  if (order.job === 'lift') return lift(client, order);
  if (order.job === 'stall') return stall(client, order);
  if (order.job === 'hold') return hold(clients, order, connectAnew);
  if (order.job === 'chaos') return chaos(client, order);
  return bulk(client, order, connectAnew);
}
