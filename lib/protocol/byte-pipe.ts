/**
 * The seam between the protocol and whatever moves its bytes: a socket, a user's Duplex, memory.
 *
 * Bytes in both directions are handed over by synchronous calls. A batch that the protocol writes
 * belongs to the pipe until `onWritten` gives it back.
 */

/** The pipe's side; implemented by `transport/attach` and by the tests' memory pair. */
export interface ByteSink {
  /**
   * Takes a batch of whole frames.
   *
   * @returns whether the pipe has passed everything on; if not, nothing more is written until
   * {@link BytePeer.onDrain}
   */
  write(batch: Buffer): boolean;
  /** Asks for one {@link BytePeer.flush} before the event loop's current turn ends. */
  scheduleFlush(): void;
  /** Stops reading, so that the peer feels it; `receive` may be called once more. */
  pause(): void;
  /** Reads again. */
  resume(): void;
  /**
   * Ends the pipe once everything written has left it, or after a bounded time.
   *
   * @param lingers - whether to wait then, for a bounded time, until the peer has ended its side,
   * and to drop what comes meanwhile: a peer that finds the pipe gone while it writes may lose what
   * it has not read yet
   */
  end(lingers: boolean): void;
  /** Ends the pipe now; `cause`, if any, comes back in {@link BytePeer.onClosed}. */
  destroy(cause?: Error): void;
}

/** The protocol's side; implemented by `Connection`. */
export interface BytePeer {
  /**
   * Takes what was read; `chunk` is the protocol's until the call returns and is not reused before.
   *
   * @throws ProtocolError with scope `connection`; the pipe is then destroyed with it
   */
  receive(chunk: Buffer): void;
  /** The moment that {@link ByteSink.scheduleFlush} asked for. */
  flush(): void;
  /** This batch has left the pipe; its memory is the protocol's again. */
  onWritten(batch: Buffer): void;
  /** Everything written has left, after `write` returned false. */
  onDrain(): void;
  /** Last call; `cause` is absent after the peer's orderly end and after a local one. */
  onClosed(cause?: Error): void;
}
