import { planOf, sleep, type Kind, type Plan } from '../peers/peer.js';
import { Random } from '../random.js';

/** A call in chaos. */
export interface ChaosPlan extends Plan {
  /** When its signal aborts, in milliseconds; 0: never. */
  readonly abortMs: number;
  /** How long the caller's loop waits over the first item, in milliseconds. */
  readonly callerLagMs: number;
  readonly callerRest: () => Promise<void>;
}

const KINDS: readonly Kind[] = ['echo', 'echo', 'echo', 'download', 'upload', 'chat'];
const MOST_ITEMS = 30;

/** The call of a number; the same for the same seed. */
export function planFor(seed: number, call: number): ChaosPlan {
  const random = new Random(seed ^ Math.imul(call, 0x9e3779b1));
  const kind = random.pick(KINDS);
  const callerLagMs = random.maybe(0.03, 1, 1000);
  const abortMs = random.maybe(0.1, 1, 50);
  const plan = planOf(kind, call, {
    count: countOf(kind, random),
    size: sizeOf(random),
    handlerLagMs: random.maybe(0.1, 1, 50) + random.maybe(0.01, 1, 1000),
    // Observables can't be told to wait.
    observables: callerLagMs === 0 && random.chance(0.5),
    paceMs: random.maybe(0.1, 1, 1),
    options: { timeoutMs: timeoutOf(random), waitForReady: random.chance(0.5) },
  });
  return { ...plan, abortMs, callerLagMs, callerRest: () => sleep(callerLagMs) };
}

/** Handlers hear of an upload or chat with its first item. */
function countOf(kind: Kind, random: Random): number {
  if (kind === 'echo') return 1;
  return random.int(kind === 'download' ? 0 : 1, MOST_ITEMS);
}

/** Mostly small, at times more than sockets hold. */
function sizeOf(random: Random): number {
  return random.int(0, 100) + random.maybe(0.2, 1, 20_000) + random.maybe(0.02, 1, 300_000);
}

/** Mostly long enough, at times too short for anything. */
function timeoutOf(random: Random): number {
  return random.chance(0.1) ? random.int(1, 20) : random.int(200, 5000);
}
