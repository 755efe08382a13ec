import { MAX_TIMER_MS } from '../protocol/connection-options.js';

/** A moment that is waited for, and its place in the list of those that lie equally far ahead. */
export abstract class Expiry {
  /** On the monotonic clock, in milliseconds. */
  readonly at: number;
  /** When its list is to look at it: at the moment, or after the longest time that a timer takes. */
  wakeAt: number;
  list: ExpiryList | undefined;
  before: Expiry | undefined;
  after: Expiry | undefined;
  #expire: (() => void) | undefined;

  constructor(at: number) {
    this.at = at;
    this.wakeAt = at;
  }

  /** Calls `expire` in `leftMs` unless {@link disarm} is called before. */
  protected wait(leftMs: number, expire: () => void): void {
    const ms = Math.min(Math.max(1, Math.ceil(leftMs)), MAX_TIMER_MS);
    this.#expire = expire;
    if (ms === MAX_TIMER_MS) this.wakeAt = this.at - leftMs + ms;
    listOf(ms).add(this);
  }

  disarm(): void {
    this.list?.remove(this);
  }

  /** Its list has taken it out: the moment has come, or a step towards it. */
  wake(now: number): void {
    const leftMs = this.at - now;
    const expire = this.#expire as () => void;
    if (leftMs > 0) this.wait(leftMs, expire);
    else expire();
  }
}

/** Lists by how many milliseconds lie ahead of what is added. */
const lists = new Map<number, ExpiryList>();

/** An empty list keeps its timer while there are no more lists than this. */
const MAX_IDLE_LISTS = 16;

function listOf(ms: number): ExpiryList {
  let list = lists.get(ms);
  if (list === undefined) {
    list = new ExpiryList(ms);
    lists.set(ms, list);
  }
  return list;
}

/** Not a test's, in whose time nothing of ours may linger. */
const { setTimeout: systemTimeout } = globalThis;

/**
 * Moments that lay equally far ahead when they were added, so that they come in that order, and one
 * timer for all of them. It is left running while the list is empty, for the next: where one call
 * follows another, a timer for each costs more than the rest of the call, since Node makes and drops
 * a list of its own every time. It doesn't keep the process alive: the sockets of calls do.
 */
class ExpiryList {
  readonly #ms: number;
  #first: Expiry | undefined;
  #last: Expiry | undefined;
  #timer: NodeJS.Timeout | undefined;
  /** What made the timer. */
  #timeout: typeof setTimeout | undefined;
  /** The moment that the timer was set for. */
  #wakeAt = 0;

  constructor(ms: number) {
    this.#ms = ms;
  }

  add(expiry: Expiry): void {
    const last = this.#last;
    expiry.list = this;
    expiry.before = last;
    this.#last = expiry;
    if (last !== undefined) {
      last.after = expiry;
      return;
    }
    this.#first = expiry;
    if (this.#timer === undefined || this.#timeout !== setTimeout) this.#set(expiry, this.#ms);
  }

  remove(expiry: Expiry): void {
    const { before, after } = expiry;
    if (before === undefined) this.#first = after;
    else before.after = after;
    if (after === undefined) this.#last = before;
    else after.before = before;
    expiry.list = expiry.before = expiry.after = undefined;
    if (this.#first === undefined && !this.#lingers()) this.#drop();
  }

  #lingers(): boolean {
    return this.#timeout === systemTimeout && lists.size <= MAX_IDLE_LISTS;
  }

  #set(next: Expiry, ms: number): void {
    clearTimeout(this.#timer);
    this.#timeout = setTimeout;
    this.#wakeAt = next.wakeAt;
    this.#timer = setTimeout(() => this.#onTimer(), ms).unref();
  }

  #drop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (lists.get(this.#ms) === this) lists.delete(this.#ms);
  }

  #onTimer(): void {
    this.#timer = undefined;
    // Where the clock says that it is not time yet, the timer is right: it rounds, or is a test's.
    const now = Math.max(performance.now(), this.#wakeAt);
    let next = this.#first;
    try {
      // What expires may remove others, and add some: those come later.
      for (; next !== undefined && next.wakeAt <= now; next = this.#first) {
        this.remove(next);
        next.wake(now);
      }
    } finally {
      next = this.#first;
      if (next === undefined) this.#drop();
      else this.#set(next, Math.max(1, Math.ceil(next.wakeAt - now)));
    }
  }
}
