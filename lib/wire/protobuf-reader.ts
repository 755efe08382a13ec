import { WireType } from '../spec/envelope.js';
import { signed64 } from './varint.js';

/** What a damaged message throws; the codec above words it for the peer. */
export class MalformedMessage extends Error {
  override readonly name = 'MalformedMessage';
}

const NOTHING = Buffer.alloc(0);

/** Groups nest in a group at most this deep; nobody sends them. Source: protobuf-go, protowire. */
const MAX_GROUP_DEPTH = 64;

/**
 * Walks the fields of one message, by offsets; knows no message. Every read is checked against the
 * message's end before a byte is touched.
 */
export class ProtobufReader {
  bytes: Buffer = NOTHING;
  /** Where the next byte is read. */
  at = 0;
  /** Behind the message's last byte. */
  end = 0;
  /** Number and wire type of the field that {@link nextField} found. */
  field = 0;
  wireType = 0;
  /** Range of what {@link delimited} found. */
  valueStart = 0;
  valueEnd = 0;

  /** Starts over with the message in `bytes[start, end)`. */
  reset(bytes: Buffer, start: number, end: number): void {
    this.bytes = bytes;
    this.at = start;
    this.end = end;
  }

  /** Forgets the bytes, so that an idle reader keeps nothing alive. */
  release(): void {
    this.reset(NOTHING, 0, 0);
  }

  /** Reads the next tag into `field` and `wireType`; false at the end. */
  nextField(): boolean {
    if (this.at >= this.end) return false;
    const tag = this.varint32();
    this.field = tag >>> 3;
    this.wireType = tag & 7;
    if (this.field === 0) throw new MalformedMessage('illegal tag 0');
    return true;
  }

  /** Reads a length-delimited value's range into `valueStart` and `valueEnd`. */
  delimited(): void {
    this.expect(WireType.LengthDelimited);
    const length = this.varint32();
    if (length > this.end - this.at) throw new MalformedMessage('unexpected end of message');
    this.valueStart = this.at;
    this.valueEnd = this.at += length;
  }

  /** Reads a varint that must fit into unsigned 32 bits: a tag or a length. */
  varint32(): number {
    const first = this.#byte();
    if (first < 0x80) return first;
    this.at -= 1;
    const value = this.varint64();
    if (value < 0 || value > 0xffff_ffff) throw new MalformedMessage('number above 32 bits');
    return value;
  }

  /** Reads a varint as a signed 64-bit number; beyond 2^53 the low bits are lost. */
  varint64(): number {
    let low = 0;
    let high = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      const next = this.#byte();
      const bits = next & 0x7f;
      if (shift < 32) low |= bits << shift;
      if (shift > 28) high |= bits << (shift - 32);
      else if (shift === 28) high |= bits >>> 4;
      if (next < 0x80) return signed64(low, high);
    }
    throw new MalformedMessage('varint of more than 10 bytes');
  }

  /** Reads a varint as a signed 32-bit number; what is above is cut off, as protobuf has it. */
  int32(): number {
    const start = this.at;
    this.varint64();
    let value = 0;
    for (let at = start, shift = 0; at < this.at && shift < 32; at++, shift += 7) {
      value |= ((this.bytes[at] as number) & 0x7f) << shift;
    }
    return value;
  }

  /** Steps over the value of the field just found. */
  skip(depth = 0): void {
    switch (this.wireType) {
      case WireType.Varint:
        this.varint64();
        break;
      case WireType.Fixed64:
        this.#advance(8);
        break;
      case WireType.LengthDelimited:
        this.delimited();
        break;
      case WireType.StartGroup:
        this.#skipGroup(this.field, depth + 1);
        break;
      case WireType.Fixed32:
        this.#advance(4);
        break;
      default:
        throw new MalformedMessage(`illegal wire type ${this.wireType}`);
    }
  }

  /** Refuses the field just found unless it is laid out as `wireType`. */
  expect(wireType: number): void {
    if (this.wireType !== wireType) {
      throw new MalformedMessage(`field ${this.field} has wire type ${this.wireType}`);
    }
  }

  #skipGroup(field: number, depth: number): void {
    if (depth > MAX_GROUP_DEPTH) throw new MalformedMessage('groups nested too deep');
    while (this.nextField()) {
      if (this.wireType !== WireType.EndGroup) this.skip(depth);
      else if (this.field === field) return;
      else throw new MalformedMessage('mismatched end of group');
    }
    throw new MalformedMessage('unexpected end of message');
  }

  #advance(length: number): void {
    if (length > this.end - this.at) throw new MalformedMessage('unexpected end of message');
    this.at += length;
  }

  #byte(): number {
    if (this.at >= this.end) throw new MalformedMessage('unexpected end of message');
    return this.bytes[this.at++] as number;
  }
}
