import { afterEach, describe, expect, it, vi } from 'vitest';
import { Backoff, resolveReconnect } from '../../lib/engine/backoff.js';

describe('resolveReconnect', () => {
  it('fills in defaults', () => {
    const defaults = { initialMs: 100, maxMs: 5000, factor: 1.6, jitter: 0.2 };
    expect(resolveReconnect()).toEqual(defaults);
    expect(resolveReconnect({ maxMs: undefined })).toEqual(defaults);
    expect(Object.isFrozen(resolveReconnect())).toBe(true);
  });

  it('bends the default of one bound to the other, if that is given', () => {
    expect(resolveReconnect({ maxMs: 50 })).toMatchObject({ initialMs: 50, maxMs: 50 });
    expect(resolveReconnect({ initialMs: 9000 })).toMatchObject({ initialMs: 9000, maxMs: 9000 });
  });

  it.each<[unknown, string]>([
    [7, 'reconnect must be an object, got number'],
    [null, 'reconnect must be an object, got null'],
    [{ inital: 5 }, 'reconnect has no option inital: it has initialMs, maxMs, factor, jitter'],
    [{ initialMs: 0 }, 'reconnect.initialMs must be a number from 1 to 2147483647, got 0'],
    [{ initialMs: '5' }, 'reconnect.initialMs must be a number from 1 to 2147483647, got string'],
    [{ initialMs: 20, maxMs: 10 }, 'reconnect.maxMs must be a number from 20 to'],
    [{ maxMs: Infinity }, 'reconnect.maxMs must be a number from 100 to 2147483647, got Infinity'],
    [{ maxMs: Number.NaN }, 'reconnect.initialMs must be a number from 1 to 2147483647, got NaN'],
    [{ factor: 0.9 }, 'reconnect.factor must be a number from 1 to'],
    [{ jitter: 1.1 }, 'reconnect.jitter must be a number from 0 to 1, got 1.1'],
    [{ jitter: -0.1 }, 'reconnect.jitter must be a number from 0 to 1, got -0.1'],
  ])('refuses %j', (given, message) => {
    expect(() => resolveReconnect(given as never)).toThrow(message);
  });
});

describe('Backoff', () => {
  afterEach(() => void vi.useRealTimers());

  /** How long it asks for after each of `failures` in a row. */
  function waits(given: object, random: () => number, failures: number): number[] {
    vi.useFakeTimers();
    const backoff = new Backoff(resolveReconnect(given), random);
    return Array.from({ length: failures }, () => {
      backoff.failed();
      return Math.round(backoff.leftMs * 100) / 100;
    });
  }

  it('grows by its factor up to its maximum', () => {
    const given = { initialMs: 100, maxMs: 500, factor: 2 };
    expect(waits(given, () => 0.5, 5)).toEqual([100, 200, 400, 500, 500]);
  });

  it('spreads each wait evenly around its length', () => {
    const given = { initialMs: 100, maxMs: 200, factor: 2, jitter: 0.2 };
    expect(waits(given, () => 0, 3)).toEqual([80, 160, 160]);
    expect(waits(given, () => 0.75, 3)).toEqual([110, 220, 220]);
    expect(waits({ ...given, jitter: 0 }, () => 0.75, 3)).toEqual([100, 200, 200]);
  });

  it('asks for no longer than a timer can wait, whatever the jitter', () => {
    const longest = 2 ** 31 - 1;
    const [wait] = waits({ initialMs: longest, jitter: 1 }, () => 0.99, 1);
    expect(wait).toBe(longest);
  });

  it('is over when its time has passed, and at once after a success', () => {
    vi.useFakeTimers();
    const backoff = new Backoff(resolveReconnect({ jitter: 0 }));
    expect(backoff.leftMs).toBeLessThanOrEqual(0);
    backoff.failed();
    vi.advanceTimersByTime(99);
    expect(backoff.leftMs).toBeGreaterThan(0);
    vi.advanceTimersByTime(1);
    expect(backoff.leftMs).toBeLessThanOrEqual(0);
    backoff.failed();
    expect(backoff.leftMs).toBe(160);
    backoff.reset();
    expect(backoff.leftMs).toBeLessThanOrEqual(0);
    backoff.failed();
    expect(backoff.leftMs).toBe(100);
  });

  it('leaves the jitter to chance', () => {
    vi.useFakeTimers();
    const lengths = Array.from({ length: 20 }, () => {
      const backoff = new Backoff(resolveReconnect());
      backoff.failed();
      return backoff.leftMs;
    });
    expect(new Set(lengths).size).toBeGreaterThan(1);
    expect(Math.min(...lengths)).toBeGreaterThanOrEqual(80);
    expect(Math.max(...lengths)).toBeLessThanOrEqual(120);
  });
});
