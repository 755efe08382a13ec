import { writeFileSync } from 'node:fs';

import { isTtrpcError, type KnownTtrpcError } from '../../../lib/engine/index.js';
import { sleep, type Kind, type LoadClient, type Plan } from '../peers/peer.js';
import { planFor, type ChaosPlan } from './chaos-plan.js';
import type { Job } from './job.js';

export interface ChaosOrder {
  readonly job: 'chaos';
  readonly seed: number;
  readonly atOnce: number;
  /** File for the verdict on each call, a byte each, in the order of their numbers. */
  readonly verdicts: string;
}

/** How a call may end. */
export type End =
  | 'answered'
  /** By the caller's signal. */
  | 'cancelled'
  | 'deadline'
  /** The connection was lost behind the request. */
  | 'lost'
  /** The request was not written: the call may be made again. */
  | 'unreached'
  /** The server shuts down. */
  | 'refused'
  /** Somebody took too slowly, of a stream. */
  | 'overfull';

export interface ChaosResult {
  readonly calls: number;
  readonly ends: Readonly<Record<Kind, Readonly<Partial<Record<End, number>>>>>;
  /**
   * Streams that were overfull though neither their handler nor their caller's loop had to wait, by
   * kind and by the side that ended them: an answer that is not read keeps a handler from its requests.
   */
  readonly innocent: Readonly<Record<string, number>>;
  /** What may not be. */
  readonly faults: readonly string[];
}

/** What the server may have done for a call: its handler has run once, at most once, or never. */
export const VERDICT = { once: 1, atMostOnce: 2, never: 3 } as const;

/** A call must have ended so long behind its deadline, in milliseconds. */
const SLACK_MS = 500;
/** Where nobody listens calls fail at once; so long a worker waits then, in milliseconds. */
const REST_MS = 50;
const RESTING: readonly End[] = ['lost', 'refused', 'unreached'];
const MAX_FAULTS = 20;

/** Makes calls of all kinds until it is stopped, and says of each how it has ended. */
export function chaos(client: LoadClient, order: ChaosOrder): Job<ChaosResult> {
  const run = new ChaosRun(client, order);
  const workers = Array.from({ length: order.atOnce }, () => run.work());
  return {
    done: () => run.ended,
    stop: () => run.stop(),
    result: Promise.all(workers).then(() => run.finish()),
  };
}

class ChaosRun {
  ended = 0;
  readonly #client: LoadClient;
  readonly #order: ChaosOrder;
  readonly #verdicts: number[] = [];
  readonly #ends: ChaosResult['ends'] = { echo: {}, download: {}, upload: {}, chat: {} };
  readonly #faults: string[] = [];
  readonly #innocent: Record<string, number> = {};
  #begun = 0;
  #stopped = false;

  constructor(client: LoadClient, order: ChaosOrder) {
    this.#client = client;
    this.#order = order;
  }

  stop(): void {
    this.#stopped = true;
  }

  async work(): Promise<void> {
    while (!this.#stopped) {
      this.#begun += 1;
      const plan = planFor(this.#order.seed, this.#begun);
      const end = await this.#make(plan);
      this.ended += 1;
      if (end === undefined) continue;
      const ends: Partial<Record<End, number>> = this.#ends[plan.kind];
      ends[end] = (ends[end] ?? 0) + 1;
      if (RESTING.includes(end)) await sleep(REST_MS);
    }
  }

  finish(): ChaosResult {
    writeFileSync(
      this.#order.verdicts,
      Uint8Array.from(this.#verdicts, (verdict) => verdict ?? 0),
    );
    return {
      calls: this.ended,
      ends: this.#ends,
      innocent: this.#innocent,
      faults: this.#faults,
    };
  }

  /** @returns undefined when it has ended as no call may */
  async #make(plan: ChaosPlan): Promise<End | undefined> {
    const { abortMs, options } = plan;
    const controller = new AbortController();
    const abort = abortMs === 0 ? undefined : setTimeout(() => controller.abort(), abortMs);
    const signal = abort && controller.signal;
    const made = this.#client.make({
      ...plan,
      options: { ...options, ...(signal && { signal }) },
      callerRest: () => watch.sitOut(plan.callerRest),
    });
    const watch = new Witness(plan, () => this.#fault(plan, 'goes on behind its deadline'));
    try {
      await made;
      this.#verdicts[plan.call - 1] = VERDICT.once;
      return 'answered';
    } catch (error) {
      const end = endOf(error, plan);
      if (end === undefined) this.#fault(plan, describe(error));
      if (end === 'overfull') this.#onOverfull(error, plan);
      this.#verdicts[plan.call - 1] = verdictOf(error, end);
      return end;
    } finally {
      watch.stop();
      clearTimeout(abort);
    }
  }

  #onOverfull(error: unknown, { kind, callerLagMs, handlerLagMs }: ChaosPlan): void {
    if (callerLagMs + handlerLagMs > 0) return;
    const side = (error as { kind?: string }).kind === 'ttrpc.status' ? 'server' : 'client';
    const name = `${kind} by the ${side}`;
    this.#innocent[name] = (this.#innocent[name] ?? 0) + 1;
  }

  #fault({ kind, call }: Plan, what: string): void {
    if (this.#faults.length < MAX_FAULTS) this.#faults.push(`${kind} ${call}: ${what}`);
  }
}

/**
 * Sees that a call does not go on behind its deadline, by the clock and in the event loop of the call
 * itself: a process that stood still is not late, and a timer that was due before comes before.
 */
class Witness {
  #due: number;
  readonly #onLate: () => void;
  #timer: NodeJS.Timeout | undefined;
  #resting = false;
  #stopped = false;

  /** To be made behind its call, whose deadline is earlier then. */
  constructor({ options: { timeoutMs = 0 } }: ChaosPlan, onLate: () => void) {
    this.#due = performance.now() + timeoutMs + SLACK_MS;
    this.#onLate = onLate;
    this.#wait();
  }

  /** The caller rests: how long that lasts, on a busy machine too, is no fault of its call. */
  async sitOut(rest: () => Promise<void>): Promise<void> {
    this.#resting = true;
    await rest();
    this.#resting = false;
    this.#due = Math.max(this.#due, performance.now() + SLACK_MS);
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  #wait(): void {
    const left = this.#resting ? SLACK_MS : this.#due - performance.now();
    if (left > 0) this.#timer = setTimeout(() => this.#wait(), Math.ceil(left));
    else setImmediate(() => this.#stopped || this.#onLate());
  }
}

/** A request that was not written reaches nobody, and a server that shuts down does nothing for it. */
function verdictOf(error: unknown, end: End | undefined): number {
  const { requestWritten } = error as { requestWritten?: boolean };
  return requestWritten === false || end === 'refused' ? VERDICT.never : VERDICT.atMostOnce;
}

function describe(error: unknown): string {
  if (!(error instanceof Error)) return `ended with ${String(error)}`;
  const { kind = '', reason = '' } = error as { kind?: string; reason?: string };
  return `ended with ${error.name} ${kind} ${reason}: ${error.message}`;
}

/** How a call has failed; undefined when none may fail so. */
export function endOf(error: unknown, plan: ChaosPlan): End | undefined {
  if (!isTtrpcError(error)) return undefined;
  if (error.kind === 'ttrpc.status') return statusEnd(error, plan);
  if (error.kind === 'ttrpc.buffer-full') return plan.kind === 'echo' ? undefined : 'overfull';
  if (error.kind !== 'ttrpc.connection') return undefined;
  if (error.reason === 'protocol' || error.reason === 'local') return undefined;
  return error.requestWritten ? 'lost' : 'unreached';
}

function statusEnd(
  { code, origin }: Extract<KnownTtrpcError, { kind: 'ttrpc.status' }>,
  { kind, abortMs }: ChaosPlan,
): End | undefined {
  if (code === 4) return 'deadline';
  if (code === 1 && origin === 'local' && abortMs > 0) return 'cancelled';
  if (code === 14 && origin === 'remote') return 'refused';
  if (code === 8 && origin === 'remote' && kind !== 'echo') return 'overfull';
  return undefined;
}
