import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Deadline } from '../../lib/rpc/deadline.js';

const DAY_MS = 86_400_000;

/** A deadline that notes its name when it comes. */
function noted(timeoutMs: number, name: string, notes: string[]): Deadline {
  const deadline = new Deadline(timeoutMs);
  deadline.arm(() => notes.push(name));
  return deadline;
}

describe("Expiry, in a test's time", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => {
    expect(vi.getTimerCount()).toBe(0);
    vi.useRealTimers();
  });

  it('shares a timer with those that lie as far ahead', () => {
    const notes: string[] = [];
    noted(10, 'a', notes);
    noted(10, 'b', notes);
    noted(20, 'c', notes);
    expect(vi.getTimerCount()).toBe(2);
    vi.advanceTimersByTime(20);
    expect(notes).toEqual(['a', 'b', 'c']);
  });

  it('comes in its own time when it was added later', () => {
    const notes: string[] = [];
    noted(10, 'a', notes);
    vi.advanceTimersByTime(4);
    noted(10, 'b', notes);
    vi.advanceTimersByTime(6);
    expect(notes).toEqual(['a']);
    vi.advanceTimersByTime(3);
    expect(notes).toEqual(['a']);
    vi.advanceTimersByTime(1);
    expect(notes).toEqual(['a', 'b']);
  });

  it.each([
    ['first', 0, ['b', 'c']],
    ['middle', 1, ['a', 'c']],
    ['last', 2, ['a', 'b']],
  ])('leaves the others when the %s is disarmed', (_, disarmed, expected) => {
    const notes: string[] = [];
    const all = ['a', 'b', 'c'].map((name) => noted(10, name, notes));
    all[disarmed]?.disarm();
    all[disarmed]?.disarm();
    vi.advanceTimersByTime(10);
    expect(notes).toEqual(expected);
  });

  it('may disarm others and add more when it comes', () => {
    const notes: string[] = [];
    new Deadline(10).arm(() => {
      second.disarm();
      noted(10, 'third', notes);
    });
    const second = noted(10, 'second', notes);
    vi.advanceTimersByTime(10);
    expect(notes).toEqual([]);
    vi.advanceTimersByTime(10);
    expect(notes).toEqual(['third']);
  });

  it('comes although the one before it throws', () => {
    const notes: string[] = [];
    new Deadline(10).arm(() => {
      throw new Error('of a callback');
    });
    noted(10, 'b', notes);
    expect(() => vi.advanceTimersByTime(10)).toThrow('of a callback');
    vi.advanceTimersByTime(1);
    expect(notes).toEqual(['b']);
  });

  it('keeps its own time beyond the longest timer', () => {
    const notes: string[] = [];
    noted(90 * DAY_MS, '90 days', notes);
    vi.advanceTimersByTime(DAY_MS);
    noted(60 * DAY_MS, '60 days', notes);
    vi.advanceTimersByTime(60 * DAY_MS - 1);
    expect(notes).toEqual([]);
    vi.advanceTimersByTime(1);
    expect(notes).toEqual(['60 days']);
    vi.advanceTimersByTime(29 * DAY_MS);
    expect(notes).toEqual(['60 days', '90 days']);
  });
});

describe('Expiry, where only timers are faked', () => {
  it("goes by the timer, since the clock is not the test's", () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const notes: string[] = [];
    noted(5000, 'a', notes);
    vi.advanceTimersByTime(5000);
    expect(notes).toEqual(['a']);
    vi.useRealTimers();
  });
});

describe('Expiry, in real time', () => {
  /** A module of its own, which takes this `setTimeout` for the system's. */
  async function fresh() {
    const timeout = vi.spyOn(globalThis, 'setTimeout');
    vi.resetModules();
    const { Deadline: Fresh } = await import('../../lib/rpc/deadline.js');
    timeout.mockClear();
    const armed = (timeoutMs: number): Deadline => {
      const deadline = new Fresh(timeoutMs);
      deadline.arm(() => expect.unreachable());
      return deadline;
    };
    return { timeout, armed };
  }

  afterEach(() => {
    vi.useRealTimers();
    vi.restoreAllMocks();
  });

  it('leaves its timer for the next one, without keeping the process alive', async () => {
    const { timeout, armed } = await fresh();
    for (let call = 0; call < 100; call++) armed(60_000).disarm();
    expect(timeout).toHaveBeenCalledOnce();
    const timer = timeout.mock.results[0]?.value as NodeJS.Timeout;
    expect(timer.hasRef()).toBe(false);
  });

  it('leaves a bounded number of timers, whatever timeouts there are', async () => {
    const { timeout, armed } = await fresh();
    const cleared = vi.spyOn(globalThis, 'clearTimeout');
    for (let ms = 1; ms <= 1000; ms++) armed(60_000 + ms).disarm();
    const made = timeout.mock.results.map(({ value }) => value as NodeJS.Timeout);
    const gone = new Set(cleared.mock.calls.map(([timer]) => timer));
    expect(made.length).toBe(1000);
    expect(made.filter((timer) => !gone.has(timer)).length).toBe(16);
  });

  it("does not rely on a real timer in a test's time", async () => {
    const { armed } = await fresh();
    armed(60_000).disarm();
    vi.useFakeTimers();
    const deadline = armed(60_000);
    expect(vi.getTimerCount()).toBe(1);
    deadline.disarm();
    expect(vi.getTimerCount()).toBe(0);
  });
});
