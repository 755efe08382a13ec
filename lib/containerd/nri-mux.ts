import type { Duplex } from 'node:stream';
import { BufferFullError, ConnectionError, UsageError } from '../errors.js';
import { MAX_TIMER_MS, withinRange } from '../protocol/connection-options.js';
import { byteStreamFault, consumesWrites, toBuffer } from '../transport/byte-stream.js';
import { MuxConnection } from './mux-connection.js';
import {
  MAX_CONNECTION,
  MAX_FIRST_FRAME,
  MAX_MUX_PAYLOAD,
  MuxFrameReader,
  muxFrames,
} from './nri-mux-frames.js';

/** The connection on which the runtime calls the plugin's `Plugin` service. */
export const NRI_PLUGIN_CONNECTION = 1;

/** The connection on which the plugin calls the runtime's `Runtime` service. */
export const NRI_RUNTIME_CONNECTION = 2;

/** What may be said about a multiplexer; everything has a default. */
export interface NriMuxOptions {
  /**
   * What one connection's reader may leave unread before reading from the stream pauses, in bytes.
   * @defaultValue 16 MiB: four of the largest messages
   */
  readonly maxBufferBytes?: number | undefined;
  /**
   * How long it may pause, in milliseconds, before the multiplexer ends: no other connection gets
   * anything meanwhile.
   * @defaultValue 5000: longer than an engine's own connection pauses
   */
  readonly stallTimeoutMs?: number | undefined;
  /** The stream is gone, and all connections with it; without an error if it ended in order. */
  readonly onClose?: ((error: Error | undefined) => void) | undefined;
}

const MAX_BUFFER_BYTES = 16 * 1024 * 1024;
const STALL_TIMEOUT_MS = 5000;

/** How long the stream may take to end once it has all bytes, in ms. */
const END_TIMEOUT_MS = 5000;

const ADDRESS = 'NRI mux';

/**
 * Carries several ttrpc connections on one byte stream, as NRI does between a runtime and its
 * plugins. Both sides do the same, so it serves either.
 *
 * The other side is not told that a connection begins or ends; what comes for one that is not open
 * is lost. Therefore the connections are opened in the turn in which the multiplexer is made, before
 * anything is read. One ends when its own side ends it, and the stream ends with the last of them.
 *
 * What is written to a connection must be ttrpc: each message becomes a frame of at most 4096 bytes
 * and one with the rest, which is what Go's reader can take.
 *
 * @example
 * ```ts
 * import { connect } from 'node:net';
 *
 * const mux = new NriMux(connect('/var/run/nri/nri.sock'));
 * const plugin = mux.open(NRI_PLUGIN_CONNECTION);
 * const runtime = mux.open(NRI_RUNTIME_CONNECTION);
 * const server = new TtrpcServer();
 * await server.serve(plugin, 'NRI');
 * const client = new TtrpcClient({ stream: runtime });
 * ```
 */
export class NriMux {
  readonly #trunk: Duplex;
  readonly #maxBufferBytes: number;
  readonly #stallTimeoutMs: number;
  readonly #onClose: (error: Error | undefined) => void;
  readonly #maxCopied: number;
  readonly #reader: MuxFrameReader;
  readonly #connections = new Map<number, MuxConnection>();
  readonly #opened = new Set<number>();
  /** Those whose readers lag. */
  readonly #full = new Set<MuxConnection>();
  /** Whose frame comes in; absent when nobody wants it. */
  #receiver: MuxConnection | undefined;
  #stallTimer: NodeJS.Timeout | undefined;
  #endTimer: NodeJS.Timeout | undefined;
  /** There are no connections, and can be none. */
  #closed = false;
  /** The owner knows. */
  #over = false;

  /**
   * @param trunk - bytes that arrived earlier must still be in it; it is the multiplexer's from here
   * @throws TypeError when it carries something else than bytes; it is then destroyed
   * @throws RangeError naming an option that is out of range, and the range
   */
  constructor(trunk: Duplex, options: NriMuxOptions = {}) {
    const { maxBufferBytes = MAX_BUFFER_BYTES, stallTimeoutMs = STALL_TIMEOUT_MS } = options;
    const max = Number.MAX_SAFE_INTEGER;
    this.#maxBufferBytes = withinRange('maxBufferBytes', maxBufferBytes, 1, max);
    this.#stallTimeoutMs = withinRange('stallTimeoutMs', stallTimeoutMs, 1, MAX_TIMER_MS);
    this.#onClose = options.onClose ?? (() => undefined);
    const fault = byteStreamFault(trunk);
    if (fault !== undefined) {
      trunk.destroy();
      throw new TypeError(`an NRI mux needs a Duplex of bytes, got one ${fault}`);
    }
    this.#trunk = trunk;
    this.#maxCopied = consumesWrites(trunk) ? MAX_FIRST_FRAME : MAX_MUX_PAYLOAD;
    this.#reader = new MuxFrameReader({
      onFrame: (connection) => (this.#receiver = this.#connections.get(connection)),
      onBytes: (bytes) => this.#deliver(bytes),
    });
    this.#listen();
  }

  /** Whether there are no connections any more, and can be none. */
  get closed(): boolean {
    return this.#closed;
  }

  /**
   * The connection of an id: a Duplex for a `TtrpcServer`'s `serve` or a `TtrpcClient`'s `stream`.
   * Each can be opened once: nobody would tell the other side that it is a new one. Its `error`
   * events have a listener.
   *
   * @param id - from 1 to 2³² - 1; the same on both sides
   * @throws UsageError when it was opened before, or the multiplexer has ended
   * @throws RangeError when it is no such number
   */
  open(id: number): Duplex {
    withinRange('the connection id', id, 1, MAX_CONNECTION);
    if (this.#closed) throw new UsageError(`connection ${id} can't be opened: the mux has ended`);
    if (this.#opened.has(id)) throw new UsageError(`connection ${id} was opened already`);
    const connection = new MuxConnection(this.#owner, id, this.#maxBufferBytes);
    this.#opened.add(id);
    this.#connections.set(id, connection);
    return connection;
  }

  /** Ends the stream and all connections now; what was not sent yet is lost. */
  close(): void {
    this.#end(undefined, (connection) => connection.destroy());
  }

  readonly #owner = {
    send: (from: MuxConnection, chunk: Buffer, done: (error?: Error | null) => void): void =>
      this.#send(from, chunk, done),
    onRead: (connection: MuxConnection): void => this.#onRead(connection),
    onGone: (connection: MuxConnection): void => this.#onGone(connection),
  };

  #listen(): void {
    const trunk = this.#trunk;
    trunk.on('data', (chunk: unknown) => this.#receive(chunk));
    trunk.on('end', () => this.#onEnd());
    trunk.on('error', (error) => this.#fail(error));
    trunk.on('close', () => this.#onEnd());
    // Over before it came here, in one direction or both: no event would tell.
    if (trunk.destroyed || !trunk.readable || !trunk.writable) {
      process.nextTick(() => (trunk.errored ? this.#fail(trunk.errored) : this.#onEnd()));
    }
  }

  #send(from: MuxConnection, chunk: Buffer, done: (error?: Error | null) => void): void {
    const trunk = this.#trunk;
    if (this.#closed) return done(lost('has ended'));
    let pending = true;
    const finish = (error?: Error | null): void => {
      if (!pending) return;
      pending = false;
      done(error);
    };
    const buffers = muxFrames(from.id, from.cutter, chunk, this.#maxCopied);
    const last = buffers.pop() as Buffer;
    trunk.cork();
    for (const buffer of buffers) trunk.write(buffer);
    trunk.write(last, finish);
    trunk.uncork();
    // The system has taken all of it at once; the trunk's own word comes a tick later.
    if (trunk.writableLength === 0) finish();
  }

  #receive(chunk: unknown): void {
    // Node goes on emitting what it has buffered after a destroy.
    if (this.#trunk.destroyed) return;
    try {
      this.#reader.receive(toBuffer(chunk));
    } catch (error) {
      this.#fail(error as Error);
    }
  }

  #deliver(bytes: Buffer): void {
    const connection = this.#receiver;
    if (connection === undefined || connection.destroyed || connection.push(bytes)) return;
    this.#full.add(connection);
    if (this.#full.size > 1) return;
    this.#trunk.pause();
    this.#stallTimer = setTimeout(() => this.#stalled(), this.#stallTimeoutMs);
  }

  #onRead(connection: MuxConnection): void {
    if (!this.#full.delete(connection) || this.#full.size > 0) return;
    clearTimeout(this.#stallTimer);
    this.#trunk.resume();
  }

  #stalled(): void {
    const ids = [...this.#full].map(({ id }) => id).join(' and ');
    const text = `nobody has read ${this.#maxBufferBytes} bytes of connection ${ids} for ${this.#stallTimeoutMs} ms`;
    this.#fail(new BufferFullError(text));
  }

  #onGone(connection: MuxConnection): void {
    if (this.#closed) return;
    this.#connections.delete(connection.id);
    if (this.#receiver === connection) this.#receiver = undefined;
    this.#onRead(connection);
    if (this.#connections.size === 0) this.#endTrunk();
  }

  /** Behind the last connection: what it has written leaves first. */
  #endTrunk(): void {
    const trunk = this.#trunk;
    this.#closed = true;
    this.#endTimer = setTimeout(() => trunk.destroy(), END_TIMEOUT_MS);
    trunk.end(() => trunk.destroy());
  }

  #onEnd(): void {
    if (this.#closed || this.#reader.betweenFrames)
      return this.#end(undefined, (connection) => connection.push(null));
    this.#fail(lost('ended in the middle of a frame'));
  }

  #fail(error: Error): void {
    this.#end(error, (connection) => connection.destroy(error));
  }

  /** Once; `tell` is for each connection that there still is. */
  #end(error: Error | undefined, tell: (connection: MuxConnection) => void): void {
    if (this.#over) return;
    this.#over = true;
    this.#closed = true;
    clearTimeout(this.#stallTimer);
    clearTimeout(this.#endTimer);
    for (const connection of this.#connections.values()) tell(connection);
    this.#connections.clear();
    this.#full.clear();
    this.#receiver = undefined;
    this.#trunk.destroy();
    this.#onClose(error);
  }
}

function lost(how: string): ConnectionError {
  return new ConnectionError(`the stream of an NRI mux ${how}`, {
    reason: 'eof',
    address: ADDRESS,
  });
}
