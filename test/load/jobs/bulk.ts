import type { LoadClient, Plan } from '../peers/peer.js';
import { KINDS, planOf } from '../peers/peer.js';
import { repeat, type Job } from './job.js';

/** What there may be very many of, each of which must leave nothing. */
export type Bulk = 'unary' | 'streams' | 'connections' | 'cancelled';

export interface BulkOrder {
  readonly job: Bulk;
  readonly calls: number;
  readonly atOnce: number;
}

const STREAMS = KINDS.filter((kind) => kind !== 'echo');

/** How a call is cancelled; the deadline passes while the handler waits. */
const WAYS = ['signal', 'signal of a stream', 'deadline', 'unsubscribe', 'leave'] as const;
const DEADLINE_MS = 5;
/** Longer than any of it takes. */
const HANDLER_LAG_MS = 20;

/** @param connectAnew - makes another client */
export function bulk(
  client: LoadClient,
  { job, calls, atOnce }: BulkOrder,
  connectAnew: () => Promise<LoadClient>,
): Job<number> {
  const ones: Record<Bulk, (index: number) => Promise<void>> = {
    unary: (index) => client.make(planOf('echo', index + 1, { observables: index % 2 === 0 })),
    streams: (index) => {
      const kind = STREAMS[index % STREAMS.length]!;
      return client.make(planOf(kind, index + 1, { count: 3, observables: index % 2 === 0 }));
    },
    connections: async (index) => {
      const another = await connectAnew();
      await another.make(planOf('echo', index + 1));
      await another.close();
    },
    cancelled: (index) => cancel(client, index),
  };
  return repeat(calls, atOnce, ones[job]);
}

async function cancel(client: LoadClient, index: number): Promise<void> {
  const way = WAYS[index % WAYS.length]!;
  const lagging = { handlerLagMs: HANDLER_LAG_MS, observables: index % 2 === 0 };
  switch (way) {
    case 'signal':
      return expectEnd(client, planOf('echo', index + 1, { ...lagging, options: aborting() }));
    case 'signal of a stream':
      return expectEnd(client, planOf('chat', index + 1, { ...lagging, options: aborting() }));
    case 'deadline': {
      const options = { timeoutMs: DEADLINE_MS };
      const kind = index % 3 === 0 ? 'upload' : 'echo';
      return expectEnd(client, planOf(kind, index + 1, { ...lagging, options }), 4);
    }
    case 'unsubscribe':
      return client.giveUp(planOf('echo', index + 1, lagging));
    case 'leave':
      return client.giveUp(planOf('download', index + 1, { count: 100 }));
  }
}

/** Of a signal that aborts once the call has left. */
function aborting(): { signal: AbortSignal } {
  const controller = new AbortController();
  setImmediate(() => controller.abort());
  return { signal: controller.signal };
}

/** A call that is cancelled says so, unless the process slept until the answer was there. */
async function expectEnd(client: LoadClient, plan: Plan, code = 1): Promise<void> {
  try {
    await client.make(plan);
  } catch (error) {
    if ((error as { code?: unknown }).code !== code) throw error;
  }
}
