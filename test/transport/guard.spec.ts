import { getEventListeners } from 'node:events';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { guard } from '../../lib/transport/guard.js';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe('guard', () => {
  it('says timeout at the moment, not before, and leaves nothing behind', () => {
    const { signal } = new AbortController();
    const onExpired = vi.fn<(reason: string) => void>();
    guard({ timeoutMs: 100, signal }, onExpired);
    vi.advanceTimersByTime(99);
    expect(onExpired).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1);
    expect(onExpired.mock.calls).toEqual([['timeout']]);
    expect(getEventListeners(signal, 'abort')).toEqual([]);
  });

  it('says aborted once, and the timeout does not follow', () => {
    const controller = new AbortController();
    const onExpired = vi.fn<(reason: string) => void>();
    guard({ timeoutMs: 100, signal: controller.signal }, onExpired);
    controller.abort();
    expect(onExpired.mock.calls).toEqual([['aborted']]);
    expect(vi.getTimerCount()).toBe(0);
    expect(getEventListeners(controller.signal, 'abort')).toEqual([]);
  });

  it('says aborted at once when the signal has aborted before', () => {
    const onExpired = vi.fn<(reason: string) => void>();
    guard({ timeoutMs: 100, signal: AbortSignal.abort() }, onExpired)();
    expect(onExpired.mock.calls).toEqual([['aborted']]);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('leaves nothing behind once stopped', () => {
    const controller = new AbortController();
    const onExpired = vi.fn<(reason: string) => void>();
    guard({ timeoutMs: 100, signal: controller.signal }, onExpired)();
    controller.abort();
    vi.advanceTimersByTime(200);
    expect(onExpired).not.toHaveBeenCalled();
    expect(getEventListeners(controller.signal, 'abort')).toEqual([]);
  });

  it.each([Infinity, 2 ** 31])('has no timer for %d ms', (timeoutMs) => {
    const stop = guard({ timeoutMs }, vi.fn<(reason: string) => void>());
    expect(vi.getTimerCount()).toBe(0);
    stop();
  });

  it('has a timer for the longest delay that Node knows', () => {
    const stop = guard({ timeoutMs: 2 ** 31 - 1 }, vi.fn<(reason: string) => void>());
    expect(vi.getTimerCount()).toBe(1);
    stop();
  });
});
