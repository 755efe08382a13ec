import { Buffer } from 'node:buffer';
import protobuf from 'protobufjs';
import type { PayloadTarget } from '../rpc/payload-codec.js';

const NOTHING = Buffer.alloc(0);

/**
 * A writer that can be pointed into a buffer of ours, as protobufjs has from 8.7 on, else `undefined`.
 *
 * Found out by trying, since the fields are not part of its documented interface: a nested message
 * behind a first byte, in a buffer that must grow.
 */
function positionedWriter(): protobuf.Writer | undefined {
  const writer = new protobuf.BufferWriter();
  if (!('buf' in writer) || !('pos' in writer)) return undefined;
  aim(writer, Buffer.from([0x7f, 0, 0]), 1);
  writer.uint32(10).fork().uint32(8).uint32(300).ldelim();
  const written = Buffer.from(writer.buf.subarray(0, writer.pos)).toString('hex');
  release(writer);
  return written === '7f0a0308ac02' ? writer : undefined;
}

function aim(writer: protobuf.Writer, buffer: Buffer, position: number): void {
  writer.buf = buffer;
  writer.pos = position;
  writer.view = null;
  writer.states = null;
}

function release(writer: protobuf.Writer): void {
  aim(writer, NOTHING, 0);
}

/** The writer that is not in use; an encoder that is entered again takes the slower way. */
let idle = positionedWriter();

/** Whether messages are encoded straight into their target; otherwise by way of a buffer of their own. */
export const encodesInPlace = idle !== undefined;

/**
 * Appends `message`, encoded as `type`.
 *
 * `target` changes only when the whole message was written.
 */
export function writeMessage(
  type: protobuf.Type,
  message: protobuf.Message,
  target: PayloadTarget,
): void {
  const writer = idle;
  if (writer === undefined) {
    target.append(type.encode(message).finish());
    return;
  }
  idle = undefined;
  aim(writer, target.buffer, target.length);
  try {
    type.encode(message, writer);
    target.buffer = writer.buf as Buffer;
    target.length = writer.pos;
  } finally {
    release(writer);
    idle = writer;
  }
}
