import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fromTimestamp, toTimestamp } from '../../lib/containerd/timestamp.js';

describe('fromTimestamp', () => {
  const time = new Date('2026-01-02T03:04:05.678Z');

  it.each([
    ['numbers', 1_767_323_045],
    ['texts', '1767323045'],
    ['bigints', 1_767_323_045n],
    ['objects of Long', { toString: () => '1767323045' }],
  ])('reads seconds that are %s', (_, seconds) => {
    expect(fromTimestamp({ seconds, nanos: 678_999_999 })).toEqual(time);
  });

  it('takes the first second of the year 1, which Go sends unset, for no time', () => {
    expect(fromTimestamp({ seconds: -62_135_596_800, nanos: 0 })).toBeUndefined();
    expect(fromTimestamp({ seconds: -62_135_596_799 })?.toISOString()).toMatch(/^0001-01-01/);
  });

  it('takes one that was not sent for no time', () => {
    expect(fromTimestamp(undefined)).toBeUndefined();
    expect(fromTimestamp(null)).toBeUndefined();
  });

  it('takes fields that were not sent for zero', () => {
    expect(fromTimestamp({})).toEqual(new Date(0));
  });
});

describe('toTimestamp', () => {
  it('counts nanoseconds up from the second before, also before 1970', () => {
    expect(toTimestamp(new Date(-1))).toEqual({ seconds: -1, nanos: 999_000_000 });
  });

  it('is read back as the same time', () => {
    fc.assert(
      fc.property(fc.date({ noInvalidDate: true }), (time) => {
        fc.pre(toTimestamp(time).seconds !== -62_135_596_800);
        expect(fromTimestamp(toTimestamp(time))).toEqual(time);
      }),
    );
  });

  it('is that of now by itself', () => {
    const before = Date.now();
    const time = fromTimestamp(toTimestamp())?.getTime();
    expect(time).toBeGreaterThanOrEqual(before);
    expect(time).toBeLessThanOrEqual(Date.now());
  });
});
