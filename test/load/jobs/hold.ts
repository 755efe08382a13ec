import { planOf, type LoadClient } from '../peers/peer.js';
import { repeat, type Job } from './job.js';

export interface HoldOrder {
  readonly job: 'hold';
  readonly connections: number;
}

/** As many connections as a listener's backlog takes at once. */
const AT_ONCE = 64;

/** Makes so many connections, keeps them, and makes a call on each. */
export function hold(
  clients: LoadClient[],
  { connections }: HoldOrder,
  connectAnew: () => Promise<LoadClient>,
): Job<number> {
  return repeat(connections, AT_ONCE, async (index) => {
    clients[index] ??= await connectAnew();
    await clients[index].make(planOf('echo', index + 1));
  });
}
