import { Duplex } from 'node:stream';
import { CONSUMES_WRITES } from '../transport/byte-stream.js';
import { MessageCutter } from './nri-mux-frames.js';

/** The multiplexer, seen from one of its connections. */
export interface MuxConnectionOwner {
  /** Writes a chunk in frames; `done` is called once, when the trunk takes more. */
  send(from: MuxConnection, chunk: Buffer, done: (error?: Error | null) => void): void;
  /** What was too much for the reader of this connection is read. */
  onRead(connection: MuxConnection): void;
  /** The connection has ended; it neither sends nor takes anything any more. */
  onGone(connection: MuxConnection): void;
}

/** One connection of a multiplexer. */
export class MuxConnection extends Duplex {
  /** It tells of a write's end when the trunk's system has the bytes, or a copy was made. */
  readonly [CONSUMES_WRITES] = true;
  readonly id: number;
  /** Where the messages end that are written to it. */
  readonly cutter = new MessageCutter();
  readonly #owner: MuxConnectionOwner;

  constructor(owner: MuxConnectionOwner, id: number, maxBufferBytes: number) {
    super({ allowHalfOpen: false, readableHighWaterMark: maxBufferBytes });
    this.#owner = owner;
    this.id = id;
    // Until somebody takes it over: it must not end the process.
    this.on('error', ignore);
  }

  override _read(): void {
    this.#owner.onRead(this);
  }

  override _write(chunk: Buffer, _encoding: string, done: (error?: Error | null) => void): void {
    this.#owner.send(this, chunk, done);
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#owner.onGone(this);
    done(error);
  }
}

function ignore(): void {}
