import protobuf from 'protobufjs';
import { describe, expect, it } from 'vitest';
import { readMessage } from '../../lib/proto/payload-reader.js';
import { hex } from './codecs.js';

const { root } = protobuf.parse(
  'syntax = "proto3"; message M { bytes blob = 1; repeated double numbers = 2; M next = 3; }',
);
root.resolveAll();

/** A type of its own, whose decoder first does `before`. */
function typeThat(before: (reader: protobuf.Reader) => void): protobuf.Type {
  const type = root.lookupType('M');
  return Object.assign(Object.create(type) as protobuf.Type, {
    decode(reader: protobuf.Reader) {
      before(reader);
      return type.decode(reader);
    },
  });
}

describe('readMessage', () => {
  it('reads its range of the chunk only', () => {
    const message = readMessage(root.lookupType('M'), hex('ffff 0a 01 aa ffff'), 2, 5);
    expect(message.toJSON()).toEqual({ blob: 'qg==' });
  });

  it('forgets the chunk', () => {
    let used: protobuf.Reader | undefined;
    const type = typeThat((reader) => (used = reader));
    // Twenty doubles are enough for a DataView of the chunk.
    readMessage(type, Buffer.concat([hex('12 a001'), Buffer.alloc(160)]), 0, 163);
    expect(used?.buf).toHaveLength(0);
    expect(used?.view).toBeNull();
  });

  it('forgets the chunk when the message is broken', () => {
    let used: protobuf.Reader | undefined;
    const type = typeThat((reader) => (used = reader));
    expect(() => readMessage(type, hex('0a 05 aa'), 0, 3)).toThrow(RangeError);
    expect(used?.buf).toHaveLength(0);
  });

  it('keeps no unknown fields', () => {
    const message = readMessage(root.lookupType('M'), hex('22 01 61'), 0, 3);
    expect(Object.hasOwn(message, '$unknowns')).toBe(false);
  });

  it.each([
    ['keeps a view of a field that is half of the memory, and large', 4096, 8192, true],
    ['copies a field that is less than half of the memory', 4096, 8193, false],
    ['copies a field that is small', 4095, 4098, false],
  ])('%s', (_what, length, memory, view) => {
    const chunk = new Uint8Array(memory);
    const head = hex(`0a ${length === 4096 ? '8020' : 'ff1f'}`);
    chunk.set(head);
    const bytes = Buffer.from(chunk.buffer);
    const message = readMessage(root.lookupType('M'), bytes, 0, head.length + length);
    const { blob } = message as unknown as { blob: Buffer };
    expect(blob).toHaveLength(length);
    expect(blob.buffer === chunk.buffer).toBe(view);
  });

  it('may be entered again while a message is read', () => {
    const type = root.lookupType('M');
    const inner: protobuf.Message[] = [];
    const outer = typeThat(() => inner.push(readMessage(type, hex('0a 01 bb'), 0, 3)));
    expect(readMessage(outer, hex('0a 01 aa'), 0, 3).toJSON()).toEqual({ blob: 'qg==' });
    expect(inner.map((message) => message.toJSON())).toEqual([{ blob: 'uw==' }]);
  });
});
