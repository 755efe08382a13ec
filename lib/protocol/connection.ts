import { ConnectionError, ProtocolError, type ConnectionFailure } from '../errors.js';
import type { FrameHeader } from '../spec/frame.js';
import { FrameDecoder, type FrameHandler } from '../wire/frame-decoder.js';
import { FrameWriter } from '../wire/frame-writer.js';
import { SLAB_LENGTH } from '../wire/slab-pool.js';
import type { BytePeer, ByteSink } from './byte-pipe.js';
import type { ResolvedConnectionOptions } from './connection-options.js';
import { LimitCounters } from './limit-counters.js';

/** Whoever waits for room to write. */
export interface DrainWaiter {
  /** There is room again; called once a wait. */
  onDrain(): void;
}

/** What a connection is told at birth. */
export interface ConnectionSetup {
  readonly sink: ByteSink;
  /** The peer's address, for errors. */
  readonly address: string;
  readonly options: ResolvedConnectionOptions;
  /** Shared with other connections; absent: its own. */
  readonly counters?: LimitCounters | undefined;
  /** Last call, after every stream has been told. */
  readonly onClosed?: ((error: ConnectionError) => void) | undefined;
}

/**
 * A busy turn's frames leave in so many batches, as measured by the turn before, so that the peer
 * works on the first while this side makes the next: in one batch, two processes take turns and each
 * waits half of the time. Small ones are not worth a system call each.
 */
const BATCHES_PER_TURN = 4;
const MIN_BATCH_LENGTH = 1024;

const REASONS: Record<ConnectionFailure, string> = {
  dial: 'cannot connect',
  local: 'connection closed by this side',
  eof: 'connection closed by the peer',
  io: 'connection lost',
  protocol: 'connection closed: the peer broke the protocol',
  stalled: 'connection closed: the peer does not read',
};

/**
 * What both roles share: frames in, frames out, and the end.
 *
 * Synchronous and free of I/O, timers and promises. Call order: the pipe calls `receive`, `flush`,
 * `onWritten`, `onDrain` and at last `onClosed`; streams write frames in between. What is written
 * while a chunk is worked through leaves at its end, the last answer that a server owes at once,
 * anything else at the end of the turn of the event loop; a large turn's frames in several batches.
 *
 * Source: containerd/ttrpc `channel.go`, `server.go` (`run`), `client.go` (`receiveLoop`).
 */
export abstract class Connection implements BytePeer, FrameHandler {
  readonly address: string;
  readonly options: ResolvedConnectionOptions;
  readonly writer: FrameWriter;
  readonly counters: LimitCounters;
  readonly #sink: ByteSink;
  readonly #onClosed: ConnectionSetup['onClosed'];
  readonly #decoder: FrameDecoder;
  /** Streams that found no room, oldest first; made when there is one. */
  #waiting: Set<DrainWaiter> | undefined;
  #flushScheduled = false;
  /** A chunk is being worked through; what is written meanwhile leaves at its end. */
  #receiving = false;
  /** Where the writer stood when this turn began. */
  #turnStart = 0;
  /** Bytes that are sent without waiting for the turn's end. */
  #batchLength = MIN_BATCH_LENGTH;
  /** The pipe has not passed on what it was given. */
  #blocked = false;
  #pauses = 0;
  #closed = false;
  #closing: ConnectionFailure | undefined;

  constructor(setup: ConnectionSetup) {
    this.#sink = setup.sink;
    this.#onClosed = setup.onClosed;
    this.address = setup.address;
    this.options = setup.options;
    this.counters = setup.counters ?? new LimitCounters();
    this.writer = new FrameWriter(setup.options.maxSendPayloadBytes);
    this.#decoder = new FrameDecoder(this, setup.options.maxPayloadBytes);
  }

  /** Whether what was written last must not be lost for a peer that is writing when this side ends. */
  protected abstract readonly lingers: boolean;
  abstract onFrame(header: FrameHeader, bytes: Buffer, start: number, end: number): void;
  abstract onOversizedFrame(header: FrameHeader): void;
  /** Tells every open stream; `reason` and `cause` say why, {@link lostError} words it. */
  protected abstract streamsLost(error: ConnectionError): void;

  /** Whether the connection is gone, or about to be. */
  get closed(): boolean {
    return this.#closed || this.#closing !== undefined;
  }

  /** Whether a producer should wait for {@link waitForDrain} before it writes more. */
  get congested(): boolean {
    return this.#blocked;
  }

  /** Whether more waits for the peer than the bound allows. */
  get overfull(): boolean {
    return this.#blocked && this.writer.pending > this.options.maxSendBufferBytes;
  }

  receive(chunk: Buffer): void {
    this.#receiving = true;
    this.#decoder.push(chunk);
    this.#receiving = false;
    if (this.writer.position > this.#turnStart) this.flush();
  }

  flush(): void {
    this.#flushScheduled = false;
    const { position } = this.writer;
    const part = (position - this.#turnStart) / BATCHES_PER_TURN;
    this.#batchLength = Math.min(Math.max(part, MIN_BATCH_LENGTH), SLAB_LENGTH);
    this.#turnStart = position;
    this.#send();
  }

  #send(): void {
    while (!this.#blocked && !this.closed) {
      const batch = this.writer.take();
      if (batch === undefined) return;
      this.#blocked = !this.#sink.write(batch);
    }
  }

  onWritten(batch: Buffer): void {
    this.writer.recycle(batch);
  }

  onDrain(): void {
    this.#blocked = false;
    this.flush();
    const waiting = this.#waiting;
    if (waiting === undefined) return;
    for (const waiter of waiting) {
      if (this.#blocked) return;
      waiting.delete(waiter);
      waiter.onDrain();
    }
  }

  onClosed(cause?: Error): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#decoder.stop();
    this.#waiting?.clear();
    const error = this.#closeError(cause);
    this.streamsLost(error);
    this.writer.clear();
    this.#onClosed?.(error);
  }

  /**
   * A frame was ended: it leaves with this turn's last batch, or now if the batch is full.
   *
   * @param alone - nothing more is to be expected in this turn: it leaves now
   */
  frameWritten(alone = false): void {
    if (this.writer.pending >= this.#batchLength) this.#send();
    if (this.#receiving || this.#blocked) return;
    if (alone) return this.flush();
    if (this.#flushScheduled) return;
    this.#flushScheduled = true;
    this.#sink.scheduleFlush();
  }

  /** Calls `waiter.onDrain` once there is room, in the order of asking. */
  waitForDrain(waiter: DrainWaiter): void {
    this.#waiting ??= new Set();
    this.#waiting.add(waiter);
  }

  /** Forgets a waiter. */
  stopWaiting(waiter: DrainWaiter): void {
    this.#waiting?.delete(waiter);
  }

  /** Stops reading until {@link resumeReading} has been called as often. */
  pauseReading(): void {
    if (this.#pauses++ === 0 && !this.#closed) this.#sink.pause();
  }

  resumeReading(): void {
    if (--this.#pauses === 0 && !this.#closed) this.#sink.resume();
  }

  /** Ends the connection in order: what has been written leaves first, if the peer reads. */
  close(): void {
    if (this.closed) return;
    this.flush();
    this.#closing = 'local';
    this.#decoder.stop();
    if (this.#blocked) this.#sink.destroy();
    else this.#sink.end(this.lingers);
  }

  /** Ends the connection now. */
  destroy(reason: 'local' | 'stalled' = 'local'): void {
    if (this.#closed) return;
    if (reason === 'stalled' && !this.closed) this.counters.stalledConnections++;
    this.#closing ??= reason;
    this.#decoder.stop();
    this.#sink.destroy();
  }

  /** The error of a call that the connection's end cuts off. */
  lostError(error: ConnectionError, requestWritten: boolean): ConnectionError {
    const { reason, address, cause } = error;
    return new ConnectionError(error.details, { reason, address, requestWritten, cause });
  }

  #closeError(cause: Error | undefined): ConnectionError {
    const reason = this.#closing ?? reasonOf(cause);
    const system = cause === undefined ? '' : `, ${cause.message}`;
    return new ConnectionError(`${REASONS[reason]} (${this.address}${system})`, {
      reason,
      address: this.address,
      // Whatever was written before may have reached the peer.
      requestWritten: true,
      cause,
    });
  }
}

function reasonOf(cause: Error | undefined): ConnectionFailure {
  if (cause === undefined) return 'eof';
  return cause instanceof ProtocolError ? 'protocol' : 'io';
}
