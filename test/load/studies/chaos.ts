import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

import { Child } from '../child.js';
import { Cutter } from '../cutter.js';
import type { Progress } from '../host.js';
import { VERDICT, type ChaosResult, type End } from '../jobs/chaos.js';
import type { PeerName } from '../peers/peer.js';
import { ours } from '../programs.js';
import type { Resources } from '../resources.js';
import { schedule, type Blow, type Fault } from '../schedule.js';
import { Watchdog } from '../watchdog.js';
import { settled } from './leaks.js';
import { number, table, withFolder, work, type Setup, type Study } from './study.js';

const AT_ONCE = 32;
/** Small, so that slow streams reach them. */
const BOUNDS = { maxStreamBufferBytes: 65_536, stallTimeoutMs: 300 };
/** How often calls are counted, in milliseconds, and how often the watchdog looks. */
const POLL_MS = 25;
const POLLS_PER_LOOK = 20;

/** Whether the faults go on. */
export type Until = (events: number) => boolean;

/** Kills, stalls and cuts while calls are made: each is answered once, or fails knowingly. */
export const chaos: Study = {
  name: 'chaos',
  async run(setup) {
    const texts: string[] = [];
    for (const peer of ['engine', 'nest'] as const) {
      const end = performance.now() + (setup.minutes * 60_000) / 2;
      texts.push(await inChaos(peer, setup, () => performance.now() < end));
    }
    return texts.join('\n');
  },
};

/**
 * @returns the report
 * @throws Error when a call has ended as none may
 */
export function inChaos(peer: PeerName, setup: Setup, goesOn: Until): Promise<string> {
  return withFolder(async (path, keep) => {
    const world = new World(peer, setup, { path, keep });
    try {
      await world.begin();
      const faults = await world.suffer(goesOn);
      return await world.judge(faults);
    } finally {
      world.end();
    }
  });
}

interface Place {
  path(name: string): string;
  keep(child: Child): Child;
}

/** A client, a server, and what stands between them. */
class World {
  readonly #peer: PeerName;
  readonly #setup: Setup;
  readonly #place: Place;
  readonly #cutter: Cutter;
  #server: Child | undefined;
  #client: Child | undefined;

  constructor(peer: PeerName, setup: Setup, place: Place) {
    this.#peer = peer;
    this.#setup = setup;
    this.#place = place;
    this.#cutter = new Cutter(place.path('c'), place.path('s'));
  }

  async begin(): Promise<void> {
    this.#server = await this.#start('serve');
    await this.#cutter.listen();
    this.#client = await this.#start('call');
    const { seed } = this.#setup;
    const verdicts = this.#place.path('verdicts');
    await this.#client.ask({ do: 'start', job: 'chaos', seed, atOnce: AT_ONCE, verdicts });
  }

  end(): void {
    this.#cutter.close();
  }

  /** @returns how often each kind of fault was inflicted */
  async suffer(goesOn: Until): Promise<Record<string, number>> {
    const counts: Record<string, number> = {};
    let events = 0;
    let done = 0;
    for (const event of schedule(this.#setup.seed)) {
      if (!goesOn(events)) return counts;
      done = await this.#waitFor(done + event.afterCalls, goesOn, events);
      this.#setup.say(`chaos: ${this.#peer}, after ${number(done)} calls ${describe(event)}`);
      await this.#inflict(event.fault);
      counts[event.fault.kind] = (counts[event.fault.kind] ?? 0) + 1;
      events += 1;
    }
    return counts;
  }

  async judge(faults: Record<string, number>): Promise<string> {
    const [server, client] = this.#both();
    const result = await this.#stop(client);
    const wrong = [...result.faults, ...this.#compare()];
    // The next calls work, and nothing is left.
    for (const job of ['unary', 'streams'] as const) {
      await work(client, { job, calls: 100, atOnce: AT_ONCE }, [server, client]);
    }
    for (const [name, child] of Object.entries({ server, client })) {
      const { stats, sources } = await settled(() => child.ask<Resources>({ do: 'resources' }));
      if (stats.openStreams > 0) wrong.push(`${name} has ${stats.openStreams} open streams`);
      if (stats.connections > 1) wrong.push(`${name} has ${stats.connections} connections`);
      if (sources > 0) wrong.push(`${name} has ${sources} generators that nobody left`);
    }
    await client.stop();
    await server.stop();
    const text = report(this.#peer, this.#setup.seed, faults, result);
    if (wrong.length > 0) throw new Error([text, ...wrong].join('\n'));
    return text;
  }

  async #stop(client: Child): Promise<ChaosResult> {
    await client.ask({ do: 'stop' });
    const watchdog = this.#watchdog();
    for (;;) {
      const progress = await client.ask<Progress>({ do: 'progress' });
      if (progress.over) return progress.result as ChaosResult;
      await sleep(POLL_MS * POLLS_PER_LOOK);
      watchdog.look(progress.done);
    }
  }

  /** Holds what the handlers have begun against what the callers were told. */
  #compare(): string[] {
    const verdicts = readFileSync(this.#place.path('verdicts'));
    const effects = readFileSync(this.#place.path('effects'));
    const begun = new Uint8Array(verdicts.length);
    const wrong: string[] = [];
    for (let at = 0; at + 4 <= effects.length; at += 4) {
      const call = effects.readUInt32LE(at);
      begun[call - 1]! += 1;
      if (begun[call - 1] === 2) wrong.push(`call ${call} reached handlers twice`);
    }
    verdicts.forEach((verdict, index) => {
      const times = begun[index];
      if (verdict === VERDICT.once && times !== 1) {
        wrong.push(`call ${index + 1} was answered, and reached ${times} handlers`);
      }
      if (verdict === VERDICT.never && times !== 0) {
        wrong.push(`call ${index + 1} was told to be safe to repeat, and reached a handler`);
      }
    });
    return wrong.slice(0, 20);
  }

  /** Resolves when so many calls have ended. */
  async #waitFor(calls: number, goesOn: Until, events: number): Promise<number> {
    const [, client] = this.#both();
    const watchdog = this.#watchdog();
    for (let polls = 1; ; polls++) {
      const { done } = await client.ask<Progress>({ do: 'progress' });
      if (done >= calls || !goesOn(events)) return done;
      await sleep(POLL_MS);
      if (polls % POLLS_PER_LOOK === 0) watchdog.look(done);
    }
  }

  async #inflict(fault: Fault): Promise<void> {
    const [server, client] = this.#both();
    switch (fault.kind) {
      case 'kill':
        return this.#kill(fault);
      case 'restart':
        await server.ask({ do: 'shutdown' });
        await server.stop();
        this.#server = await this.#start('serve');
        return;
      case 'stop': {
        const stopped = fault.who === 'server' ? server : client;
        stopped.signal('SIGSTOP');
        await sleep(fault.ms);
        stopped.signal('SIGCONT');
        return;
      }
      case 'clog':
        this.#cutter.clog(fault.towards);
        await sleep(fault.ms);
        this.#cutter.unclog(fault.towards);
        return;
      case 'cut':
        this.#cutter.cut(fault.towards, fault.bytes);
    }
  }

  async #kill({ refuses, ms }: Extract<Fault, { kind: 'kill' }>): Promise<void> {
    const [server] = this.#both();
    if (refuses) this.#cutter.refuse();
    await server.kill();
    await sleep(ms);
    this.#server = await this.#start('serve');
    if (refuses) await this.#cutter.listen();
  }

  async #start(role: 'call' | 'serve'): Promise<Child> {
    const path = this.#place.path(role === 'serve' ? 's' : 'c');
    const effects = this.#place.path('effects');
    const config = { role, peer: this.#peer, path, bounds: BOUNDS, effects };
    return this.#place.keep(await Child.start(ours(this.#setup.programs, config)));
  }

  #both(): [server: Child, client: Child] {
    return [this.#server as Child, this.#client as Child];
  }

  #watchdog(): Watchdog {
    return new Watchdog(this.#both().map(({ pid }) => pid));
  }
}

function describe({ fault }: Blow): string {
  return Object.values(fault).map(String).join(' ');
}

const ENDS: readonly End[] = [
  'answered',
  'cancelled',
  'deadline',
  'lost',
  'unreached',
  'refused',
  'overfull',
];

function report(
  peer: PeerName,
  seed: number,
  faults: Record<string, number>,
  { calls, ends, innocent }: ChaosResult,
): string {
  const rows = Object.entries(ends).map(([kind, counts]) => [
    kind,
    ...ENDS.map((end) => counts[end] ?? 0),
  ]);
  return [
    `## chaos: ${peer}, seed ${seed}: ${number(calls)} calls, ${counted(faults)}\n`,
    table(['calls', ...ENDS], rows),
    `\nEach was answered once and rightly, or failed as above; none reached a handler twice, none`,
    `that is safe to repeat reached one. Overfull without a lag of their own: ${counted(innocent)}.\n`,
  ].join('\n');
}

function counted(times: Readonly<Record<string, number>>): string {
  const each = Object.entries(times).map(([name, count]) => `${name} ${count}`);
  return each.length === 0 ? 'none' : each.join(', ');
}
