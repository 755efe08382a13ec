import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { callDeadline, Deadline } from '../../lib/rpc/deadline.js';

const DAY_MS = 86_400_000;

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe('Deadline', () => {
  it('says what is left, in whole nanoseconds', () => {
    const deadline = new Deadline(1.5);
    expect(deadline.leftMs).toBeCloseTo(1.5, 6);
    expect(deadline.leftNanos).toBeGreaterThan(1_499_000);
    expect(deadline.leftNanos).toBeLessThanOrEqual(1_500_000);
    expect(Number.isInteger(deadline.leftNanos)).toBe(true);
    vi.advanceTimersByTime(2);
    expect(deadline.leftMs).toBeLessThan(0);
    expect(deadline.leftNanos).toBeLessThan(0);
  });

  it('says no more nanoseconds than an int64 holds', () => {
    expect(new Deadline(Number.MAX_SAFE_INTEGER).leftNanos).toBe(9_223_372_036_854_774_784);
    expect(new Deadline(1e300).leftNanos).toBe(9_223_372_036_854_774_784);
  });

  it('comes from the nanoseconds of a request, of which 0 means none', () => {
    expect(Deadline.ofNanos(0)).toBeUndefined();
    expect(Deadline.ofNanos(2_500_000)?.leftMs).toBeCloseTo(2.5, 6);
  });

  it("is a moment on the calendar's clock", () => {
    vi.setSystemTime(new Date('2026-01-01T00:00:00.000Z'));
    const deadline = new Deadline(5000);
    const date = deadline.toDate();
    expect(date.getTime()).toBeCloseTo(Date.now() + 5000, -1);
    const before = date.getTime();
    date.setTime(0);
    expect(deadline.toDate().getTime()).toBe(before);
  });

  it('expires once, not a millisecond early', () => {
    const expire = vi.fn();
    new Deadline(10).arm(expire);
    vi.advanceTimersByTime(9);
    expect(expire).not.toHaveBeenCalled();
    vi.advanceTimersByTime(DAY_MS);
    expect(expire).toHaveBeenCalledOnce();
    expect(vi.getTimerCount()).toBe(0);
  });

  it('expires at once when it has passed', () => {
    const expire = vi.fn();
    new Deadline(-5).arm(expire);
    expect(expire).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1);
    expect(expire).toHaveBeenCalledOnce();
  });

  it('waits longer than one timer can', () => {
    const expire = vi.fn();
    new Deadline(60 * DAY_MS).arm(expire);
    vi.advanceTimersByTime(60 * DAY_MS - 1);
    expect(expire).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1);
    expect(expire).toHaveBeenCalledOnce();
  });

  it.each([10, 60 * DAY_MS])('leaves no timer behind when disarmed, of %i ms', (timeoutMs) => {
    const deadline = new Deadline(timeoutMs);
    deadline.disarm();
    deadline.arm(() => expect.unreachable());
    vi.advanceTimersByTime(timeoutMs * 0.9);
    expect(vi.getTimerCount()).toBe(1);
    deadline.disarm();
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe('callDeadline', () => {
  const leftMs = (...given: Parameters<typeof callDeadline>): number | undefined =>
    callDeadline(...given)?.leftMs;

  it('is none when nothing asks for one', () => {
    expect(callDeadline({}, Infinity)).toBeUndefined();
    expect(callDeadline({ timeoutMs: undefined, deadline: undefined }, Infinity)).toBeUndefined();
  });

  it("is the client's default for a call that says nothing", () => {
    expect(leftMs({}, 50)).toBeCloseTo(50, 6);
  });

  it("is the call's timeout, its deadline, or the earlier of both", () => {
    expect(leftMs({ timeoutMs: 70 }, 50)).toBeCloseTo(70, 6);
    expect(leftMs({ deadline: Date.now() + 80 }, 50)).toBeCloseTo(80, 6);
    expect(leftMs({ deadline: new Date(Date.now() + 80) }, 50)).toBeCloseTo(80, 6);
    expect(leftMs({ timeoutMs: 70, deadline: Date.now() + 80 }, 50)).toBeCloseTo(70, 6);
    expect(leftMs({ timeoutMs: 90, deadline: Date.now() + 80 }, 50)).toBeCloseTo(80, 6);
  });

  it('has passed when the moment has', () => {
    expect(leftMs({ deadline: Date.now() - 1 }, 50)).toBeLessThan(0);
    expect(leftMs({ deadline: -Infinity }, 50)).toBe(-Infinity);
  });

  it("is lifted by Infinity, the client's default too", () => {
    expect(callDeadline({ timeoutMs: Infinity }, 50)).toBeUndefined();
    expect(callDeadline({ deadline: Infinity }, 50)).toBeUndefined();
  });

  it.each([
    [0, '0'],
    [-1, '-1'],
    [Number.NaN, 'NaN'],
    ['5', 'string'],
    [null, 'object'],
  ])('refuses a timeout of %s', (timeoutMs, shown) => {
    expect(() => callDeadline({ timeoutMs: timeoutMs as number }, 50)).toThrow(
      new RangeError(`timeoutMs must be a number above 0, got ${shown}`),
    );
  });

  it.each([
    [Number.NaN, 'NaN'],
    [new Date('never'), 'an invalid Date'],
    ['2026', 'string'],
    [null, 'object'],
  ])('refuses a deadline of %s', (deadline, shown) => {
    expect(() => callDeadline({ deadline: deadline as Date }, 50)).toThrow(
      new TypeError(`deadline must be a valid Date or milliseconds since 1970, got ${shown}`),
    );
  });
});
