import { Random } from './random.js';

/** Which way bytes go. */
export type Towards = 'client' | 'server';

export type Fault =
  /** The server is killed and another started; `refuses`: nobody listens meanwhile. */
  | { readonly kind: 'kill'; readonly refuses: boolean; readonly ms: number }
  /** The server shuts down gracefully, and another is started. */
  | { readonly kind: 'restart' }
  /** A process stands still. */
  | { readonly kind: 'stop'; readonly who: Towards; readonly ms: number }
  /** Nothing is read of what goes one way. */
  | { readonly kind: 'clog'; readonly towards: Towards; readonly ms: number }
  /** The connection ends after so many more bytes one way, mostly in the midst of a frame. */
  | { readonly kind: 'cut'; readonly towards: Towards; readonly bytes: number };

export interface Blow {
  /** Calls that end before it, counted from the event before. */
  readonly afterCalls: number;
  readonly fault: Fault;
}

/** What happens, in order; the same for the same seed. */
export function* schedule(seed: number): Generator<Blow, never> {
  const random = new Random(seed);
  for (;;) yield { afterCalls: random.int(50, 1500), fault: faultOf(random) };
}

function faultOf(random: Random): Fault {
  const kind = random.pick(['kill', 'restart', 'stop', 'clog', 'cut', 'cut'] as const);
  const towards = random.pick(['client', 'server'] as const);
  // At times longer than a call may take.
  const ms = random.int(1, 500) + random.maybe(0.2, 1000, 3000);
  switch (kind) {
    case 'kill':
      return { kind, refuses: random.chance(0.5), ms };
    case 'restart':
      return { kind };
    case 'stop':
      return { kind, who: towards, ms };
    case 'clog':
      return { kind, towards, ms };
    case 'cut':
      return { kind, towards, bytes: random.int(0, 100_000) };
  }
}
