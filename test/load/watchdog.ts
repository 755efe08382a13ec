import { readFileSync } from 'node:fs';

/** How often it looks, and how many looks at sleeping processes are a stall. */
const IDLE_LOOKS = 20;
/** Processor time without a call ending, in ticks of 10 ms: they work for nothing. */
const BUSY_TICKS = 12_000;
/** What looking itself costs a process, in ticks. */
const LOOK_TICKS = 2;

interface Look {
  readonly ticks: number;
  readonly asleep: boolean;
}

/**
 * Tells a stall from slowness, whatever the clock says: calls that end are progress; where none does,
 * processes that are all asleep wait for each other, and those that use the processor are slow.
 */
export class Watchdog {
  readonly #pids: readonly number[];
  #done = -1;
  #idle = 0;
  #ticks = 0;
  #ticksAtProgress = 0;

  /** @param pids - of all processes that calls need; `/proc` must know them */
  constructor(pids: readonly number[]) {
    this.#pids = pids;
  }

  /**
   * Looks at the processes; to be called a few times a second.
   *
   * @param done - calls that have ended
   * @throws Error when they stall
   */
  look(done: number): void {
    const looks = this.#pids.map(read);
    const ticks = looks.reduce((sum, look) => sum + look.ticks, 0);
    const asleep = looks.every((look) => look.asleep);
    const used = ticks - this.#ticks;
    this.#ticks = ticks;
    if (done !== this.#done) {
      this.#done = done;
      this.#idle = 0;
      this.#ticksAtProgress = ticks;
      return;
    }
    this.#idle = asleep && used <= LOOK_TICKS * looks.length ? this.#idle + 1 : 0;
    if (this.#idle >= IDLE_LOOKS) {
      throw new Error(`stalled after ${done} calls: all processes sleep and no call ends`);
    }
    if (ticks - this.#ticksAtProgress > BUSY_TICKS) {
      throw new Error(`stalled after ${done} calls: the processes work and no call ends`);
    }
  }
}

/** Linux' proc(5): the name is in parentheses, state the 3rd field, utime and stime 14th and 15th. */
function read(pid: number): Look {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return { ticks: Number(fields[11]) + Number(fields[12]), asleep: fields[0] === 'S' };
}
