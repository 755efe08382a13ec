import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isUtf8 } from '../../lib/wire/utf8.js';
import { hex } from '../support/transcript.js';

describe('isUtf8', () => {
  it.each([
    ['nothing', ''],
    ['ASCII', '00 41 7f'],
    ['two bytes', 'c3a9'],
    ['three bytes', 'e282ac'],
    ['four bytes', 'f09f9880'],
    ['a byte order mark', 'efbbbf'],
    ['the last code point', 'f48fbfbf'],
  ])('accepts %s', (_, bytes) => {
    expect(isUtf8(hex(bytes), 0, hex(bytes).length)).toBe(true);
  });

  it.each([
    ['a lone continuation', '80'],
    ['a lead byte without its rest', 'e282'],
    ['an overlong slash', 'c0af'],
    ['a surrogate', 'eda080'],
    ['a code point above the last', 'f4908080'],
    ['a byte that never occurs', 'ff'],
  ])('refuses %s', (_, bytes) => {
    expect(isUtf8(hex(bytes), 0, hex(bytes).length)).toBe(false);
  });

  it('looks at nothing outside of the range', () => {
    expect(isUtf8(hex('ff 41 ff'), 1, 2)).toBe(true);
    expect(isUtf8(hex('41 ff 41'), 1, 2)).toBe(false);
    expect(isUtf8(hex('e2 82 ac'), 0, 2)).toBe(false);
  });

  it('accepts exactly what survives being read and written again', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 6 }), (array) => {
        const bytes = Buffer.from(array);
        const survives = Buffer.from(bytes.toString('utf8')).equals(bytes);
        expect(isUtf8(bytes, 0, bytes.length)).toBe(survives);
      }),
      { numRuns: 1000 },
    );
  });
});
