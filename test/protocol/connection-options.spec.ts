import { describe, expect, it } from 'vitest';
import {
  CONNECTION_DEFAULTS,
  resolveConnectionOptions,
  withinRange,
  type ConnectionOptions,
} from '../../lib/protocol/connection-options.js';

describe('resolveConnectionOptions', () => {
  it('fills in every default', () => {
    const expected = {
      maxPayloadBytes: 4_194_304,
      maxSendPayloadBytes: 4_194_304,
      maxOpenStreams: 16_384,
      maxSendBufferBytes: 67_108_864,
      maxStreamBufferBytes: 1_048_576,
      maxReceiveBufferBytes: 67_108_864,
      maxMetadataBytes: 65_536,
      stallTimeoutMs: 2000,
    };
    expect(resolveConnectionOptions()).toEqual(expected);
    expect(resolveConnectionOptions({ maxOpenStreams: undefined })).toEqual(expected);
    expect(CONNECTION_DEFAULTS).toEqual(expected);
  });

  it('sends no larger payloads than it accepts, unless it is told', () => {
    expect(resolveConnectionOptions({ maxPayloadBytes: 2048 }).maxSendPayloadBytes).toBe(2048);
    const told = resolveConnectionOptions({ maxPayloadBytes: 2048, maxSendPayloadBytes: 4096 });
    expect(told).toMatchObject({ maxPayloadBytes: 2048, maxSendPayloadBytes: 4096 });
  });

  it('keeps what was given, and freezes it', () => {
    const resolved = resolveConnectionOptions({ stallTimeoutMs: 7 });
    expect(resolved.stallTimeoutMs).toBe(7);
    expect(Object.isFrozen(resolved)).toBe(true);
    expect(Object.isFrozen(CONNECTION_DEFAULTS)).toBe(true);
  });

  it.each<[keyof ConnectionOptions, number, number]>([
    ['maxPayloadBytes', 1024, 2_147_483_647],
    ['maxSendPayloadBytes', 1024, 2_147_483_647],
    ['maxOpenStreams', 1, 2_147_483_647],
    ['maxSendBufferBytes', 1, Number.MAX_SAFE_INTEGER],
    ['maxStreamBufferBytes', 1, Number.MAX_SAFE_INTEGER],
    ['stallTimeoutMs', 1, 2_147_483_647],
  ])('takes %s from %i to %i and nothing beyond', (option, min, max) => {
    for (const value of [min, max]) {
      expect(resolveConnectionOptions({ [option]: value })[option]).toBe(value);
    }
    for (const value of [min - 1, max + 1, Infinity]) {
      expect(() => resolveConnectionOptions({ [option]: value })).toThrow(
        new RangeError(`${option} must be a whole number from ${min} to ${max}, got ${value}`),
      );
    }
  });
});

describe('withinRange', () => {
  it.each([
    [1.5, '1.5'],
    [NaN, 'NaN'],
    ['5', 'string 5'],
    [null, 'object null'],
    [undefined, 'undefined undefined'],
  ])('refuses %s', (value, got) => {
    expect(() => withinRange('port', value, 1, 9)).toThrow(
      new RangeError(`port must be a whole number from 1 to 9, got ${got}`),
    );
  });
});
