/** A ttrpc frame, as PROTOCOL.md draws it; of its own, so that tests don't trust lib's codec. */
export interface Frame {
  readonly id: number;
  /** 1 request, 2 response, 3 data. */
  readonly type: number;
  /** 1 remote closed, 2 remote open, 4 no data. */
  readonly flags: number;
  readonly payload: Buffer;
}

export const REQUEST = 1;
export const RESPONSE = 2;
export const DATA = 3;

const HEADER_LENGTH = 10;

/** Cuts frames out of bytes that come in any pieces. */
export class FrameCutter {
  #rest: Buffer = Buffer.alloc(0);

  cut(chunk: Buffer): Frame[] {
    this.#rest = Buffer.concat([this.#rest, chunk]);
    const frames: Frame[] = [];
    for (;;) {
      const length = this.#rest.length >= HEADER_LENGTH ? this.#rest.readUInt32BE(0) : Infinity;
      const end = HEADER_LENGTH + length;
      if (this.#rest.length < end) return frames;
      frames.push({
        id: this.#rest.readUInt32BE(4),
        type: this.#rest.readUInt8(8),
        flags: this.#rest.readUInt8(9),
        payload: this.#rest.subarray(HEADER_LENGTH, end),
      });
      this.#rest = this.#rest.subarray(end);
    }
  }
}

export function encodeFrame({ id, type, flags, payload }: Frame): Buffer {
  const header = Buffer.alloc(HEADER_LENGTH);
  header.writeUInt32BE(payload.length, 0);
  header.writeUInt32BE(id, 4);
  header.writeUInt8(type, 8);
  header.writeUInt8(flags, 9);
  return Buffer.concat([header, payload]);
}

/** A request envelope; no payload field at all when `payload` is absent. */
export function encodeRequest(service: string, method: string, payload?: Buffer): Buffer {
  const fields = [field(1, Buffer.from(service)), field(2, Buffer.from(method))];
  if (payload !== undefined) fields.push(field(3, payload));
  return Buffer.concat(fields);
}

/** A length-delimited field; both numbers stay below 128 here. */
function field(number: number, bytes: Buffer): Buffer {
  return Buffer.concat([Buffer.from([(number << 3) | 2, bytes.length]), bytes]);
}

/** Reads the fields of a message: its varints and its length-delimited ones, in order. */
export function* fieldsOf(message: Buffer): Generator<{ number: number; value: number | Buffer }> {
  let position = 0;
  const varint = (): number => {
    let value = 0;
    for (let factor = 1; ; factor *= 128) {
      const byte = message.readUInt8(position++);
      value += (byte & 127) * factor;
      if (byte < 128) return value;
    }
  };
  while (position < message.length) {
    const key = varint();
    const value = varint();
    if ((key & 7) === 0) yield { number: key >> 3, value };
    else yield { number: key >> 3, value: message.subarray(position, (position += value)) };
  }
}
