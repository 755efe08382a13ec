import { Duplex } from 'node:stream';
import { expect } from 'vitest';
import type { BytePeer, ByteSink } from '../../lib/protocol/byte-pipe.js';
import { attach } from '../../lib/transport/attach.js';

/** A protocol that writes down what happens to it. */
export class Recorder implements BytePeer {
  readonly events: string[] = [];
  readonly closed: Promise<void>;
  cause: Error | undefined;
  sink!: ByteSink;
  onReceive: (chunk: Buffer) => void = () => {};
  onFlush: () => void = () => {};
  #close!: () => void;

  constructor(socket: Duplex) {
    this.closed = new Promise((resolve) => (this.#close = resolve));
    attach(socket, (sink) => {
      this.sink = sink;
      return this;
    });
  }

  receive(chunk: Buffer): void {
    expect(Buffer.isBuffer(chunk)).toBe(true);
    this.events.push(`receive ${chunk.toString()}`);
    this.onReceive(chunk);
  }

  flush(): void {
    this.events.push('flush');
    this.onFlush();
  }

  onWritten(batch: Buffer): void {
    this.events.push(`written ${batch.length}`);
  }

  onDrain(): void {
    this.events.push('drain');
  }

  onClosed(cause?: Error): void {
    this.events.push('closed');
    this.cause = cause;
    this.#close();
  }
}

/** A Duplex whose writes end when the test says so. */
export class Manual extends Duplex {
  readonly written: string[] = [];
  readonly pending: ((error?: Error) => void)[] = [];

  override _read(): void {}

  override _write(chunk: Buffer, _: string, callback: (error?: Error) => void): void {
    this.written.push(chunk.toString());
    this.pending.push(callback);
  }
}

/** One turn of the event loop. */
export const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Two Duplexes in memory, each giving what the other was written. */
export function memoryPair(): [Duplex, Duplex] {
  const make = (other: () => Duplex): Duplex =>
    new Duplex({
      read() {},
      write(chunk, _, callback) {
        other().push(chunk);
        callback();
      },
    });
  const near: Duplex = make(() => far);
  const far: Duplex = make(() => near);
  return [near, far];
}
