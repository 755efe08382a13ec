import { planOf, sources, type LoadClient } from '../peers/peer.js';
import type { Job } from './job.js';

export interface StallOrder {
  readonly job: 'stall';
  /** Whose consumer stalls: the caller's loop over a download, or the handler of an upload. */
  readonly kind: 'download' | 'upload';
  /** How many streams go on, with how many items each of how many bytes. */
  readonly streams: number;
  readonly count: number;
  readonly size: number;
  /** Whether producers are Observables. */
  readonly observables: boolean;
  /** Whether one more stream stalls. */
  readonly stalled: boolean;
}

/** Messages of all streams, and how long they took. */
export interface Stretch {
  readonly messages: number;
  readonly seconds: number;
}

export interface StallResult {
  /** Until the stalled stream failed; absent when none stalled. */
  readonly stalling?: Stretch;
  /** From then on, or all of it. */
  readonly flowing: Stretch;
  /** What became of the stalled stream. */
  readonly failure?: string;
  /** What all producers of this process had given by then, in bytes. */
  readonly givenBytes?: number;
}

/** Its items are larger, so that few are enough to be too many. */
const STALLED_SIZE = 65_536;
const STALLED_COUNT = 1000;
const STALLED_PACE_MS = 1;
/** RESOURCE_EXHAUSTED. */
const DUE_CODE = 8;
const POLL_MS = 10;

/** Streams that go on beside one whose consumer takes its first item and then nothing more. */
export function stall(client: LoadClient, order: StallOrder): Job<StallResult> {
  const before = sources.given;
  let received = 0;
  // Of downloads this process receives the items, of uploads it makes them.
  const messages = (): number => (order.kind === 'download' ? received : sources.given - before);
  const run = async (): Promise<StallResult> => {
    const begin = performance.now();
    const stalled = order.stalled ? stallOne(client, order) : undefined;
    let stalling: Stretch | undefined;
    const failed = stalled?.then(() => void (stalling = stretch(begin, messages())));
    const others = Array.from({ length: order.streams }, (_, index) => {
      const { count, size, observables } = order;
      return client.make(planOf(order.kind, index + 2, { count, size, observables }), () => {
        received += 1;
      });
    });
    await Promise.all([failed, ...others]);
    const all = stretch(begin, messages());
    if (stalling === undefined) return { flowing: all };
    return {
      ...(await stalled),
      stalling,
      flowing: {
        messages: all.messages - stalling.messages,
        seconds: all.seconds - stalling.seconds,
      },
    };
  };
  return { done: messages, stop: () => undefined, result: run() };
}

function stretch(begin: number, messages: number): Stretch {
  return { messages, seconds: (performance.now() - begin) / 1000 };
}

/** Resolves when the stream that stalls has failed as it must, with how. */
async function stallOne(
  client: LoadClient,
  order: StallOrder,
): Promise<Pick<StallResult, 'failure' | 'givenBytes'>> {
  const before = sources.givenBytes;
  const error = await (order.kind === 'download' ? readNothing : sendOn)(client, order);
  const { code, message } = error as { code?: number; message?: string };
  if (code !== DUE_CODE)
    throw new Error('a stalled stream did not fail as it must', { cause: error });
  return { failure: String(message), givenBytes: sources.givenBytes - before };
}

/** The caller's loop waits until the client says that a stream has stalled. */
async function readNothing(client: LoadClient, { observables }: StallOrder): Promise<unknown> {
  const { stalledStreams } = client.stats();
  const callerRest = (): Promise<void> =>
    new Promise((resolve) => {
      const poll = setInterval(() => {
        if (client.stats().stalledStreams === stalledStreams) return;
        clearInterval(poll);
        resolve();
      }, POLL_MS);
    });
  const plan = planOf('download', 1, {
    count: STALLED_COUNT,
    size: STALLED_SIZE,
    paceMs: observables ? STALLED_PACE_MS : 0,
    callerRest,
  });
  return outcomeOf(client.make(plan));
}

async function sendOn(client: LoadClient, { observables }: StallOrder): Promise<unknown> {
  const paceMs = observables ? STALLED_PACE_MS : 0;
  return outcomeOf(client.hold(planOf('upload', 1, { size: STALLED_SIZE, observables, paceMs })));
}

async function outcomeOf(call: Promise<void>): Promise<unknown> {
  try {
    await call;
    return undefined;
  } catch (error) {
    return error;
  }
}
