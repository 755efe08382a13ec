import { PayloadTooLargeError, UsageError } from '../errors.js';
import { HEADER_LENGTH, STREAM_ID_OFFSET, TYPE_OFFSET, VOID_TYPE } from '../spec/frame.js';
import { LARGE_SLAB_LENGTH, sharedSlabs, SLAB_LENGTH, type SlabPool } from './slab-pool.js';
import { MAX_VARINT_LENGTH, putVarint, varintLength } from './varint.js';

const NOTHING = Buffer.alloc(0);

/** Longest text, in characters, that is encoded one by one; its length fits in one byte. */
const SHORT_TEXT = 64;
const LAST_ASCII = 0x7f;

/** Payload of a frame behind which a second one like it may not find room in a slab, in bytes. */
const LARGE_FRAME = SLAB_LENGTH / 4;

/**
 * Lays out frames one behind the other, ready to be written as one batch.
 *
 * A frame is begun, filled in place (header, envelope and message go straight into the batch) and
 * ended, which writes its length; or taken back. Whole batches leave by {@link take}.
 *
 * `buffer` and `length` are open so that a message codec can append without a call in between: it
 * may replace `buffer` by a larger one holding the same first `length` bytes.
 *
 * Source: containerd/ttrpc `channel.go` (`send`); one batch a tick is this project's.
 */
export class FrameWriter {
  buffer: Buffer = NOTHING;
  length = 0;
  readonly #maxPayloadBytes: number;
  readonly #slabs: SlabPool;
  /** The pool's slab that `buffer` was when last seen; a codec may have put another in its place. */
  #slab: Buffer = NOTHING;
  /** Where the frame being written begins in `buffer`. */
  #frameStart = 0;
  /** Bytes of the slab that a frame like the last one had better have. */
  #slabLength = SLAB_LENGTH;
  /** Batches that are full, oldest first. */
  #full: Buffer[] = [];
  #fullLength = 0;
  #taken = 0;

  constructor(maxPayloadBytes: number, slabs: SlabPool = sharedSlabs) {
    this.#maxPayloadBytes = maxPayloadBytes;
    this.#slabs = slabs;
  }

  /** Bytes of whole frames that wait to be taken. */
  get pending(): number {
    return this.#fullLength + this.#frameStart;
  }

  /** Bytes ever taken; with {@link position} it tells whether a frame has left. */
  get taken(): number {
    return this.#taken;
  }

  /** Where the next frame will stand, counted from the connection's first byte. */
  get position(): number {
    return this.#taken + this.pending;
  }

  /**
   * Begins a frame; its payload is what is appended until {@link endFrame}.
   *
   * @throws UsageError when one has begun and not ended: a codec that sends while it writes
   */
  beginFrame(streamId: number, type: number, flags: number): void {
    if (this.length !== this.#frameStart) {
      throw new UsageError('cannot send while another message is being encoded');
    }
    this.reserve(HEADER_LENGTH);
    const { buffer } = this;
    const at = this.length;
    buffer[at + 4] = streamId >>> 24;
    buffer[at + 5] = streamId >>> 16;
    buffer[at + 6] = streamId >>> 8;
    buffer[at + 7] = streamId;
    buffer[at + 8] = type;
    buffer[at + 9] = flags;
    this.length = at + HEADER_LENGTH;
  }

  /**
   * Ends the frame by writing its length.
   *
   * @throws PayloadTooLargeError when it is above the limit; the frame is then taken back
   */
  endFrame(): void {
    const at = this.#frameStart;
    const payload = this.length - at - HEADER_LENGTH;
    if (payload > this.#maxPayloadBytes) {
      this.abortFrame();
      throw new PayloadTooLargeError(payload, this.#maxPayloadBytes);
    }
    const { buffer } = this;
    buffer[at] = payload >>> 24;
    buffer[at + 1] = payload >>> 16;
    buffer[at + 2] = payload >>> 8;
    buffer[at + 3] = payload;
    this.#slabLength = slabLengthFor(payload);
    this.#frameStart = this.length;
    if (buffer !== this.#slab) this.#dropSlab();
  }

  /** Takes back everything since {@link beginFrame}. */
  abortFrame(): void {
    this.length = this.#frameStart;
    if (this.buffer !== this.#slab) this.#dropSlab();
    // A message that was refused may have grown the buffer to many times a slab.
    if (this.length === 0 && this.buffer.length > SLAB_LENGTH) this.#release();
  }

  /**
   * Takes back the whole frames of a stream that have not been taken. Those at the end are cut off;
   * one whose neighbours must stay where they are turns into one that every peer ignores.
   *
   * @param position - what {@link position} was when the stream's first frame was begun
   */
  revoke(position: number, streamId: number): void {
    let at = position - this.#taken;
    for (const batch of this.#full) {
      if (at < batch.length) voidFrames(batch, at, streamId);
      at = Math.max(0, at - batch.length);
    }
    const whole = this.buffer.subarray(0, this.#frameStart);
    const kept = voidFrames(whole, at, streamId);
    if (this.length === this.#frameStart) this.length = this.#frameStart = kept;
  }

  /** Makes room for `count` more bytes. */
  reserve(count: number): void {
    if (this.length + count > this.buffer.length) this.#grow(count);
  }

  append(bytes: Uint8Array): void {
    this.reserve(bytes.length);
    this.buffer.set(bytes, this.length);
    this.length += bytes.length;
  }

  /** Appends an unsigned number below 2^53, or a signed one of 32 bits, as a varint. */
  varint(value: number): void {
    this.reserve(MAX_VARINT_LENGTH);
    if (value >= 0) {
      this.length = putVarint(this.buffer, this.length, value);
      return;
    }
    // A negative int32 is sign-extended to 64 bits: five bytes of the number, five of ones.
    let rest = value;
    for (let count = 1; count < MAX_VARINT_LENGTH; count++) {
      this.buffer[this.length++] = (rest & 0x7f) | 0x80;
      rest >>= 7;
    }
    this.buffer[this.length++] = 1;
  }

  /** Appends a string with its length in front. */
  string(value: string): void {
    if (value.length <= SHORT_TEXT && this.#shortText(value)) return;
    const length = Buffer.byteLength(value);
    this.varint(length);
    this.reserve(length);
    this.length += this.buffer.write(value, this.length);
  }

  /**
   * Begins a length-delimited value of unknown length behind its tag byte.
   *
   * @returns what {@link endDelimited} needs
   */
  beginDelimited(tag: number): number {
    this.reserve(2);
    this.buffer[this.length] = tag;
    this.length += 2;
    return this.length - this.#frameStart;
  }

  /**
   * Ends the value by writing its length in front of it.
   *
   * @returns the length, in bytes
   */
  endDelimited(begun: number): number {
    const length = this.length - this.#frameStart - begun;
    const extra = varintLength(length) - 1;
    if (extra > 0) this.reserve(extra);
    const at = this.#frameStart + begun;
    if (extra > 0) this.buffer.copyWithin(at + extra, at, this.length);
    putVarint(this.buffer, at - 1, length);
    this.length += extra;
    return length;
  }

  /** Takes back an empty value that {@link beginDelimited} began; proto3 leaves it out. */
  abortDelimited(begun: number): void {
    this.length = this.#frameStart + begun - 2;
  }

  /** Whether nothing was appended since {@link beginDelimited}. */
  isEmptySince(begun: number): boolean {
    return this.length === this.#frameStart + begun;
  }

  /**
   * The oldest batch of whole frames, or `undefined` when there is none. It stays the taker's until
   * {@link recycle}; it must not be called while a frame is being written.
   */
  take(): Buffer | undefined {
    const full = this.#full.shift();
    if (full !== undefined) this.#fullLength -= full.length;
    const batch = full ?? this.#takeCurrent();
    if (batch !== undefined) this.#taken += batch.length;
    return batch;
  }

  /** Gives a taken batch's memory back. */
  recycle(batch: Buffer): void {
    this.#slabs.give(batch.buffer);
  }

  /** Forgets everything that waits. */
  clear(): void {
    this.#full = [];
    this.#fullLength = 0;
    this.#release();
  }

  /** For a few characters a loop is faster than a call of the system's; only ASCII fits in it. */
  #shortText(value: string): boolean {
    const { length } = value;
    this.reserve(length + 1);
    const { buffer } = this;
    let at = this.length;
    buffer[at++] = length;
    for (let index = 0; index < length; index++) {
      const code = value.charCodeAt(index);
      if (code > LAST_ASCII) return false;
      buffer[at++] = code;
    }
    this.length = at;
    return true;
  }

  #takeCurrent(): Buffer | undefined {
    if (this.length === 0) {
      if (this.buffer.length > 0) this.#release();
      return undefined;
    }
    const batch = this.buffer.subarray(0, this.length);
    this.#forget();
    return batch;
  }

  /** A frame that does not fit moves to fresh memory; the whole ones before it become a batch. */
  #grow(count: number): void {
    const start = this.#frameStart;
    const partial = this.length - start;
    const needed = partial + count;
    const fits = needed <= this.#slabLength;
    const grown =
      fits && (start > 0 || this.buffer.length === 0)
        ? this.#slabs.take(this.#slabLength)
        : Buffer.allocUnsafeSlow(Math.max(needed, 2 * partial));
    this.buffer.copy(grown, 0, start, this.length);
    if (start > 0) {
      this.#full.push(this.buffer.subarray(0, start));
      this.#fullLength += start;
    }
    // Free unless it has just become a batch; a codec's buffer may have taken its place.
    if (start === 0 || this.buffer !== this.#slab) this.#dropSlab();
    this.buffer = grown;
    this.#slab = grown;
    this.#frameStart = 0;
    this.length = partial;
  }

  /** The slab is no longer `buffer`: back to the pool with it. */
  #dropSlab(): void {
    this.#slabs.give(this.#slab.buffer);
    this.#slab = this.buffer;
  }

  #release(): void {
    this.#slabs.give(this.buffer.buffer);
    this.#forget();
  }

  #forget(): void {
    this.buffer = NOTHING;
    this.#slab = NOTHING;
    this.#frameStart = 0;
    this.length = 0;
  }
}

/** Rounded up, so that a frame which is a little longer fits as well. */
function slabLengthFor(payload: number): number {
  if (payload <= LARGE_FRAME) return SLAB_LENGTH;
  return LARGE_SLAB_LENGTH * Math.ceil((payload + HEADER_LENGTH) / LARGE_SLAB_LENGTH);
}

/**
 * Makes every frame of a stream one that is ignored.
 *
 * @param at - where a frame begins in `frames`, which holds whole ones
 * @returns the end of the last frame of another stream, or `at`
 */
function voidFrames(frames: Buffer, at: number, streamId: number): number {
  let kept = at;
  let next = at;
  while (next < frames.length) {
    const ours = frames.readUInt32BE(next + STREAM_ID_OFFSET) === streamId;
    if (ours) frames[next + TYPE_OFFSET] = VOID_TYPE;
    next += HEADER_LENGTH + frames.readUInt32BE(next);
    if (!ours) kept = next;
  }
  return kept;
}
