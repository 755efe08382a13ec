import { connect } from '../peers/all.js';
import type { Config, LoadClient } from '../peers/peer.js';
import { bulk, type BulkOrder } from './bulk.js';
import { hold, type HoldOrder } from './hold.js';
import type { Job } from './job.js';
import { lift, type LiftOrder } from './lift.js';

export type JobOrder = BulkOrder | HoldOrder | LiftOrder;

/** Where a job is done. */
export interface Site {
  readonly config: Config;
  /** Grows with the clients that are kept. */
  readonly clients: LoadClient[];
}

export function startJob(order: JobOrder, { config, clients }: Site): Job {
  const client = clients[0] as LoadClient;
  switch (order.job) {
    case 'lift':
      return lift(client, order);
    case 'hold':
      return hold(clients, order, () => connect(config));
    default:
      return bulk(client, order, () => connect(config));
  }
}
