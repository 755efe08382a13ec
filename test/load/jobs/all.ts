import { connect } from '../peers/all.js';
import type { Config, LoadClient } from '../peers/peer.js';
import { bulk, type BulkOrder } from './bulk.js';
import type { Job } from './job.js';
import { lift, type LiftOrder } from './lift.js';

export type JobOrder = BulkOrder | LiftOrder;

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
    default:
      return bulk(client, order, () => connect(config));
  }
}
