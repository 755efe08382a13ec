/**
 * How often a peer has reached a bound, all connections of a server or client together. Every
 * counter begins at 0 and only grows.
 */
export class LimitCounters {
  /** Connections that were closed because `maxConnections` were open. */
  refusedConnections = 0;
  /** Connections that their handshake refused, or that did not get through it in time. */
  failedHandshakes = 0;
  /** Connections that were closed after `idleTimeoutMs` without a call. */
  idleConnections = 0;
  /**
   * Connections that were closed because the peer left more than `maxSendBufferBytes` unread, and
   * the statuses of calls that were ended for it.
   */
  stalledConnections = 0;
  /** Calls that were ended because `maxSendBufferBytes` waited for the peer to read them. */
  unsentStreams = 0;
  /** Calls that were refused because `maxOpenStreams` were open on their connection. */
  refusedStreams = 0;
  /**
   * Calls that were refused because the requests and metadata of those that run were above
   * `maxReceiveBufferBytes` for longer than `stallTimeoutMs`.
   */
  refusedRequests = 0;
  /**
   * Calls that were ended because nobody took their messages for longer than `stallTimeoutMs`, above
   * `maxStreamBufferBytes` or `maxReceiveBufferBytes`.
   */
  stalledStreams = 0;
  /** Frames above `maxPayloadBytes` that came in. */
  oversizedFrames = 0;
  /** Calls that were refused because their metadata was above `maxMetadataBytes`. */
  oversizedMetadata = 0;
}
