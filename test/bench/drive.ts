import type { BenchClient, Done } from './peers/peer.js';
import type { Job, Sample } from './protocol.js';
import { quantile } from './statistics.js';

/** With many calls in flight the clock is read for one call in so many: it costs as much as a frame. */
const TIMED_ONE_IN = 16;
const FEW_IN_FLIGHT = 8;
const MAX_TIMES = 200_000;

/**
 * Keeps `inFlight` calls under way, spread over the clients, each followed by the next, until the
 * time is over.
 *
 * @throws what the first failed call failed with
 */
export async function drive(clients: readonly BenchClient[], job: Job): Promise<Sample> {
  const loop = new ClosedLoop(job);
  const begin = performance.now();
  const finished = loop.run(clients);
  await Promise.race([finished, new Promise((resolve) => setTimeout(resolve, job.milliseconds))]);
  // Calls are counted at the end of the time. What takes longer than that, as a stream, is waited for.
  const echoed = { done: loop.done, seconds: (performance.now() - begin) / 1000 };
  loop.stop();
  await finished;
  const poured = { done: loop.done * job.count, seconds: (performance.now() - begin) / 1000 };
  const times = loop.times.toSorted((a, b) => a - b);
  return {
    ...(job.count === 1 && echoed.done > 0 ? echoed : poured),
    p50: quantile(times, 0.5),
    p99: quantile(times, 0.99),
  };
}

class ClosedLoop {
  done = 0;
  /** Of calls, in microseconds. */
  readonly times: number[] = [];
  readonly #job: Job;
  readonly #timedOneIn: number;
  #stopped = false;
  #running = 0;
  #finish: ((error?: unknown) => void) | undefined;

  constructor(job: Job) {
    this.#job = job;
    this.#timedOneIn = job.inFlight > FEW_IN_FLIGHT ? TIMED_ONE_IN : 1;
  }

  /** Resolves when the last call after {@link stop} is over. */
  run(clients: readonly BenchClient[]): Promise<void> {
    const { inFlight } = this.#job;
    return new Promise((resolve, reject) => {
      this.#finish = (error) => (error === undefined ? resolve() : reject(error));
      this.#running = inFlight;
      for (let slot = 0; slot < inFlight; slot++) {
        const client = clients[slot % clients.length] as BenchClient;
        this.#occupy(client, slot);
      }
    });
  }

  stop(): void {
    this.#stopped = true;
  }

  #occupy(client: BenchClient, slot: number): void {
    let made = slot;
    let begin = 0;
    const next = (): void => {
      begin = made++ % this.#timedOneIn === 0 ? performance.now() : 0;
      call();
    };
    const done: Done = (error) => {
      if (error !== undefined) return this.#finish?.(error);
      this.done++;
      if (begin !== 0) this.#record(performance.now() - begin);
      if (!this.#stopped) next();
      else if (--this.#running === 0) this.#finish?.();
    };
    const call = this.#prepare(client, done);
    next();
  }

  #prepare(client: BenchClient, done: Done): () => void {
    const { call, count, size } = this.#job;
    if (call === 'echo') return client.echo(done);
    const prepared = client[call]?.({ count, size }, done);
    if (prepared === undefined) throw new Error(`this peer has no ${call}`);
    return prepared;
  }

  #record(milliseconds: number): void {
    if (this.times.length < MAX_TIMES) this.times.push(milliseconds * 1000);
  }
}
