import protobuf from 'protobufjs';
import { describe, expect, it } from 'vitest';
import { encodesInPlace, writeMessage } from '../../lib/proto/payload-writer.js';
import { hex, messageTarget } from './codecs.js';

const { root } = protobuf.parse('syntax = "proto3"; message M { string text = 1; M next = 2; }');
root.resolveAll();
const type = root.lookupType('M');

/** A type of its own, whose encoder first does `before`. */
function typeThat(before: (writer: protobuf.Writer | undefined) => void): protobuf.Type {
  return Object.assign(Object.create(type) as protobuf.Type, {
    encode(message: protobuf.Message, writer?: protobuf.Writer) {
      before(writer);
      return type.encode(message, writer);
    },
  });
}

describe('writeMessage', () => {
  it('appends the message', () => {
    const target = messageTarget(hex('aa'), 50);
    writeMessage(type, type.create({ text: 'a', next: type.create({ text: 'b' }) }), target);
    expect(target.buffer.subarray(0, target.length)).toEqual(hex('aa 0a0161 1203 0a0162'));
  });

  it.runIf(encodesInPlace)('writes into the buffer of the target while it has room', () => {
    const target = messageTarget(hex('aa'), 50);
    const { buffer } = target;
    target.append = () => expect.unreachable();
    writeMessage(type, type.create({ text: 'a' }), target);
    expect(target.buffer).toBe(buffer);
    expect(buffer.subarray(0, 4)).toEqual(hex('aa 0a0161'));
  });

  it.runIf(encodesInPlace)('puts a larger buffer in its place, with what was there', () => {
    const target = messageTarget(hex('aabb'), 1);
    writeMessage(type, type.create({ text: 'a' }), target);
    expect(Buffer.isBuffer(target.buffer)).toBe(true);
    expect(target.buffer.subarray(0, target.length)).toEqual(hex('aabb 0a0161'));
  });

  it('forgets the buffer of the target', () => {
    let used: protobuf.Writer | undefined;
    const observed = typeThat((writer) => (used = writer));
    writeMessage(observed, type.create({ text: 'a' }), messageTarget());
    expect(used === undefined).toBe(!encodesInPlace);
    expect(used?.buf.length ?? 0).toBe(0);
  });

  it('may be entered again while a message is written', () => {
    const inner = messageTarget(hex('bb'));
    const outer = messageTarget(hex('aa'));
    const nesting = typeThat(() => writeMessage(type, type.create({ text: 'i' }), inner));
    writeMessage(nesting, type.create({ text: 'o' }), outer);
    expect(inner.buffer.subarray(0, inner.length)).toEqual(hex('bb 0a0169'));
    expect(outer.buffer.subarray(0, outer.length)).toEqual(hex('aa 0a016f'));
  });

  it('starts afresh after a message that could not be written', () => {
    const failing = typeThat((writer) => {
      writer?.uint32(10).fork();
      throw new Error('broken');
    });
    expect(() => writeMessage(failing, type.create(), messageTarget())).toThrow('broken');
    const target = messageTarget();
    writeMessage(type, type.create({ text: 'a' }), target);
    expect(target.buffer.subarray(0, target.length)).toEqual(hex('0a0161'));
  });
});
