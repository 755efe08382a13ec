import { connect as dial, createServer, type Socket } from 'node:net';

import type { BenchClient, Burst, Done, Peer } from './peer.js';

/** The size of an `Echo` request of ttrpc: 10 bytes of header, 22 of route, 42 of message. */
export const FRAME = 74;
const SLAB = 64 * 1024;
/** What a ttrpc frame has around the data of a chunk. */
const CHUNK_OVERHEAD = 13;

/** Bytes of a stream, whatever they mean. */
function bytesOf({ count, size }: Burst): number {
  return Number(count) * (size + CHUNK_OVERHEAD);
}

/**
 * The limit that the system sets: frames of the same size go to and fro and nobody looks into them.
 * A frame that begins with 1 asks for a stream.
 */
export const raw: Peer = {
  serve(path) {
    const server = createServer((socket) => {
      socket.on('data', (chunk) => {
        if (chunk[0] === 1) pourBytes(socket, chunk);
        else socket.write(chunk);
      });
      socket.on('error', () => socket.destroy());
    });
    return new Promise((resolve) => server.listen(path, resolve));
  },

  connect(path) {
    return new Promise((resolve, reject) => {
      const socket = dial(path, () => resolve(new RawClient(socket)));
      socket.on('error', reject);
    });
  },
};

function pourBytes(socket: Socket, request: Buffer): void {
  const slab = Buffer.alloc(SLAB);
  let left = bytesOf({ count: request.readUInt32BE(1), size: request.readUInt32BE(5) });
  const send = (): void => {
    while (left > 0) {
      const length = Math.min(left, SLAB);
      left -= length;
      if (!socket.write(slab.subarray(0, length))) {
        socket.once('drain', send);
        return;
      }
    }
  };
  send();
}

class RawClient implements BenchClient {
  readonly #socket: Socket;
  readonly #frames = Buffer.alloc(1024 * FRAME);
  /** The calls under way, oldest first; those before the head are answered. */
  #waiting: Done[] = [];
  #head = 0;
  #unsent = 0;
  #received = 0;
  #onBytes: (length: number) => void = (length) => this.#onEchoed(length);

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('data', (chunk) => this.#onBytes(chunk.length));
  }

  echo(done: Done): () => void {
    return () => {
      this.#waiting.push(done);
      if (this.#unsent++ === 0) process.nextTick(() => this.#flush());
    };
  }

  pour(burst: Burst, done: Done): () => void {
    const request = Buffer.alloc(FRAME);
    request[0] = 1;
    request.writeUInt32BE(Number(burst.count), 1);
    request.writeUInt32BE(burst.size, 5);
    return () => {
      this.#expect(bytesOf(burst), done);
      this.#socket.write(request);
    };
  }

  lift({ size }: Burst, done: Done): () => void {
    const frame = Buffer.alloc(size + CHUNK_OVERHEAD);
    return () => {
      this.#expect(frame.length, done);
      this.#socket.write(frame);
    };
  }

  #expect(bytes: number, done: Done): void {
    let left = bytes;
    this.#onBytes = (length) => {
      left -= length;
      if (left === 0) done();
    };
  }

  #flush(): void {
    const length = this.#unsent * FRAME;
    this.#unsent = 0;
    this.#socket.write(this.#frames.subarray(0, length));
  }

  #onEchoed(length: number): void {
    this.#received += length;
    while (this.#received >= FRAME) {
      this.#received -= FRAME;
      this.#waiting[this.#head++]?.();
    }
    if (this.#head < 1024) return;
    this.#waiting = this.#waiting.slice(this.#head);
    this.#head = 0;
  }
}
