import type { BytePeer, ByteSink } from '../../lib/protocol/byte-pipe.js';

/** Deliveries of one {@link MemoryPair.settle} above which two peers answer each other for ever. */
const MAX_DELIVERIES = 1_000_000;

/** What memory that was given back is overwritten with, so that a late reader is found out. */
const POISON = 0xdd;

/**
 * Two ends of a pipe in memory. Nothing moves before {@link settle}, and what moves was queued: no
 * call into a peer happens inside of another.
 *
 * An end without a peer is the test's: it is spoken for by {@link MemoryEnd.receive} of the other
 * end, and heard by its {@link MemoryEnd.takeSent}.
 */
export class MemoryPair {
  readonly client: MemoryEnd;
  readonly server: MemoryEnd;
  readonly #queue: (() => void)[] = [];

  constructor() {
    const later = (delivery: () => void): void => void this.#queue.push(delivery);
    this.client = new MemoryEnd(later);
    this.server = new MemoryEnd(later);
    this.client.far = this.server;
    this.server.far = this.client;
  }

  /** Makes every delivery that is due, and those that they cause. */
  settle(): void {
    for (let count = 0; this.#queue.length > 0; count++) {
      if (count > MAX_DELIVERIES) throw new Error('the two peers never come to rest');
      this.#queue.shift()?.();
    }
  }

  /** Settles until also every promise that is due has been resolved. */
  async settled(): Promise<void> {
    do {
      this.settle();
      await turn();
    } while (this.#queue.length > 0);
  }
}

// Kept from before any test puts a fake clock in its place.
const { setImmediate } = globalThis;

function turn(): Promise<void> {
  return new Promise((resolve) => void setImmediate(resolve));
}

/** One end: the sink of its own peer, and what the far end's bytes come out of. */
export class MemoryEnd implements ByteSink {
  /** The protocol at this end. */
  peer: BytePeer | undefined;
  far!: MemoryEnd;
  /** Sizes that arriving bytes are cut into, over and over; empty: as they were written. */
  cuts: readonly number[] = [];
  /** What the peer asked of its sink besides writing: pause, resume, end, destroy. */
  readonly asked: string[] = [];
  readonly #later: (delivery: () => void) => void;
  #state: 'open' | 'ending' | 'closed' = 'open';
  #sent: Buffer[] = [];
  #outbox: Buffer[] = [];
  #inbox: Buffer[] = [];
  #holding = false;
  #blocked = false;
  #paused = false;
  #farEnded = false;
  #flushScheduled = false;
  #nextCut = 0;

  constructor(later: (delivery: () => void) => void) {
    this.#later = later;
  }

  /** From now on what is written stays in here, and `write` returns false. */
  hold(): void {
    this.#holding = true;
  }

  /** Lets go of what is held; what is written in answer is held again. */
  pass(): void {
    this.#later(() => this.#deliver());
  }

  /** Lets go of what is held, and holds nothing more. */
  release(): void {
    this.#holding = false;
    this.pass();
  }

  /** Bytes that arrive as if the far end had sent them. */
  receive(bytes: Buffer): void {
    this.#inbox.push(...this.#cut(Buffer.from(bytes)));
    this.#later(() => this.#read());
  }

  /** The far end's orderly end, behind what has arrived. */
  receiveEnd(): void {
    this.#farEnded = true;
    this.#later(() => this.#read());
  }

  /** The system breaks the pipe. */
  fail(cause: Error): void {
    this.#close(cause);
  }

  /** What has left this end since the last time. */
  takeSent(): Buffer {
    return Buffer.concat(this.#sent.splice(0));
  }

  get closed(): boolean {
    return this.#state === 'closed';
  }

  // What the protocol asks for.

  write(batch: Buffer): boolean {
    if (this.#state !== 'open') return false;
    if (this.#blocked) throw new Error('written to before it was drained');
    if (batch.length === 0) throw new Error('an empty batch was written');
    this.#outbox.push(batch);
    this.#blocked = this.#holding;
    if (!this.#holding) this.pass();
    return !this.#blocked;
  }

  scheduleFlush(): void {
    if (this.#flushScheduled) throw new Error('a flush is scheduled already');
    this.#flushScheduled = true;
    this.#later(() => {
      this.#flushScheduled = false;
      this.peer?.flush();
    });
  }

  pause(): void {
    this.asked.push('pause');
    this.#paused = true;
  }

  resume(): void {
    this.asked.push('resume');
    this.#paused = false;
    this.#later(() => this.#read());
  }

  end(): void {
    this.asked.push('end');
    if (this.#state !== 'open') return;
    this.#state = 'ending';
    if (!this.#blocked) this.pass();
  }

  destroy(cause?: Error): void {
    this.asked.push('destroy');
    this.#close(cause);
  }

  #deliver(): void {
    if (this.#state === 'closed') return;
    for (const batch of this.#outbox.splice(0)) {
      // Copied only now: until it is given back, the batch must not change.
      const bytes = Buffer.from(batch);
      this.#sent.push(bytes);
      this.far.receive(bytes);
      batch.fill(POISON);
      this.peer?.onWritten(batch);
    }
    if (this.#blocked) {
      this.#blocked = false;
      this.peer?.onDrain();
    }
    if (this.#state === 'ending' && !this.#blocked) this.#close(undefined);
  }

  #read(): void {
    while (this.#state !== 'closed' && !this.#paused && this.#inbox.length > 0) {
      const chunk = this.#inbox.shift() as Buffer;
      try {
        this.peer?.receive(chunk);
      } catch (error) {
        this.destroy(error as Error);
      }
      // The protocol may keep nothing of what it was shown.
      chunk.fill(POISON);
    }
    if (this.#farEnded && this.#inbox.length === 0) this.#close(undefined);
  }

  #close(cause: Error | undefined): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.#outbox = [];
    this.#inbox = [];
    this.#later(() => this.peer?.onClosed(cause));
    this.far.receiveEnd();
  }

  #cut(bytes: Buffer): Buffer[] {
    if (this.cuts.length === 0) return [bytes];
    const chunks: Buffer[] = [];
    for (let at = 0; at < bytes.length;) {
      const size = Math.max(1, this.cuts[this.#nextCut++ % this.cuts.length] as number);
      chunks.push(Buffer.from(bytes.subarray(at, at + size)));
      at += size;
    }
    return chunks;
  }
}
