import { describe, expect, it } from 'vitest';
import { FrameWriter } from '../../lib/wire/frame-writer.js';

const LIMIT = 4 * 1024 * 1024;

/** What appending leaves in a payload, as hex. */
function payloadOf(append: (writer: FrameWriter) => void): string {
  const writer = new FrameWriter(LIMIT);
  writer.beginFrame(1, 3, 0);
  append(writer);
  writer.endFrame();
  return (writer.take() as Buffer).toString('hex', 10);
}

describe('FrameWriter.string', () => {
  it('appends strings in UTF-8, a lone surrogate as the replacement character', () => {
    expect(payloadOf((writer) => writer.string('é'))).toBe('02c3a9');
    expect(payloadOf((writer) => writer.string('\uD800'))).toBe('03efbfbd');
    expect(payloadOf((writer) => writer.string('x'.repeat(200)))).toBe(`c801${'78'.repeat(200)}`);
  });

  it.each([
    [1, '01', '03'],
    [63, '3f', '41'],
    [64, '40', '42'],
    [65, '41', '43'],
    [128, '8001', '8201'],
  ])('appends a string of %i characters, the last in ASCII or not', (count, length, longer) => {
    const text = '~'.repeat(count);
    expect(payloadOf((writer) => writer.string(text))).toBe(length + '7e'.repeat(count));
    const accented = `${text}\u0080`;
    expect(payloadOf((writer) => writer.string(accented))).toBe(
      `${longer}${'7e'.repeat(count)}c280`,
    );
  });
});
