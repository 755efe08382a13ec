import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ShimLease } from '../../lib/containerd/shim-lease.js';

describe('ShimLease', () => {
  const onExpired = vi.fn<() => void>();

  beforeEach(() => {
    onExpired.mockReset();
    vi.useFakeTimers();
  });

  afterEach(() => {
    vi.useRealTimers();
  });

  it('expires ten seconds after it has begun, if nobody connects', () => {
    const lease = new ShimLease({ onExpired });
    vi.advanceTimersByTime(9_999);
    expect(onExpired).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1);
    expect(onExpired).toHaveBeenCalledOnce();
    lease.end();
    expect(vi.getTimerCount()).toBe(0);
  });

  it('lasts as long as somebody is connected, and begins anew when nobody is', () => {
    const lease = new ShimLease({ onExpired, timeoutMs: 100 });
    lease.connected();
    lease.connected();
    vi.advanceTimersByTime(1000);
    lease.disconnected();
    vi.advanceTimersByTime(1000);
    expect(onExpired).not.toHaveBeenCalled();
    lease.disconnected();
    vi.advanceTimersByTime(99);
    expect(onExpired).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1);
    expect(onExpired).toHaveBeenCalledOnce();
  });

  it('goes on while there are containers, and looks again', () => {
    let containers = 1;
    const lease = new ShimLease({ onExpired, timeoutMs: 100, isBusy: () => containers > 0 });
    vi.advanceTimersByTime(150);
    containers = 0;
    vi.advanceTimersByTime(49);
    expect(onExpired).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1);
    expect(onExpired).toHaveBeenCalledOnce();
    lease.connected();
    lease.disconnected();
    expect(vi.getTimerCount()).toBe(0);
  });

  it('never expires once the shim ends', () => {
    const lease = new ShimLease({ onExpired });
    lease.connected();
    lease.end();
    lease.disconnected();
    expect(vi.getTimerCount()).toBe(0);
  });

  it.each([0, -1, NaN])('refuses a time of %d ms', (timeoutMs) => {
    expect(() => new ShimLease({ onExpired, timeoutMs })).toThrow('timeoutMs must be a number');
  });
});
