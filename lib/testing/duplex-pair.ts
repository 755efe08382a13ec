import { Duplex } from 'node:stream';

// Kept from before any test puts a fake clock in its place: bytes go on moving then.
const { setImmediate } = globalThis;

/**
 * Two ends of a pipe in memory, which behave as the two sockets of a connection do: what is written
 * to the one comes out of the other in a later turn of the event loop, a writer waits for a reader
 * that lags, `end()` ends the other end behind what was written, and `destroy()` breaks it off.
 *
 * An error of an end that nobody has attached yet does not end the process: look at `errored`.
 */
export function createDuplexPair(): [Duplex, Duplex] {
  const near = new MemoryEnd();
  const far = new MemoryEnd();
  near.join(far);
  far.join(near);
  return [near, far];
}

/** An end of the pipe. */
class MemoryEnd extends Duplex {
  #far!: MemoryEnd;
  /** Lets the far end write on: its last chunk was the one that filled this end. */
  #goOn: ((error?: Error) => void) | undefined;
  #ended = false;

  constructor() {
    super({ allowHalfOpen: false });
    this.on('error', ignore);
  }

  join(far: MemoryEnd): void {
    this.#far = far;
  }

  override _read(): void {
    const goOn = this.#goOn;
    this.#goOn = undefined;
    goOn?.();
  }

  override _write(chunk: Buffer, _encoding: string, done: (error?: Error) => void): void {
    setImmediate(() => this.#far.#receive(chunk, done));
  }

  override _final(done: () => void): void {
    setImmediate(() => {
      this.#far.#receiveEnd();
      done();
    });
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    const goOn = this.#goOn;
    this.#goOn = undefined;
    setImmediate(() => {
      goOn?.(brokenPipe());
      this.#far.#receiveEnd();
    });
    done(error);
  }

  #receive(chunk: Buffer, done: (error?: Error) => void): void {
    // An end that was destroyed meanwhile has taken its bytes along, as a reset connection does.
    if (this.destroyed || this.#far.destroyed) return done(brokenPipe());
    if (this.push(chunk)) done();
    else this.#goOn = done;
  }

  #receiveEnd(): void {
    if (this.#ended || this.destroyed) return;
    this.#ended = true;
    this.push(null);
  }
}

function brokenPipe(): Error {
  return Object.assign(new Error('write EPIPE'), { code: 'EPIPE', syscall: 'write' });
}

function ignore(): void {}
