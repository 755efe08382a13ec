/** Shape of the call that a stream carries, as in `METHOD_SHAPES`. */
export interface StreamShape {
  readonly requestStream: boolean;
  readonly responseStream: boolean;
}

/**
 * The life of a stream, the same for both roles.
 *
 *   open ── the client's end ──▶ halfClosed ── the server's end ──▶ closed
 *     └──────────────────── the server's end ─────────────────────────▲
 *
 * A client sends messages while it is open, a server until it is closed. The server's end closes the
 * stream for both sides, whether or not the client has closed its half. Closing a half that is
 * closed changes nothing.
 *
 * Source: containerd/ttrpc `PROTOCOL.md`, "Streaming"; `server.go` (`closeStream`).
 */
export type StreamState = 'open' | 'halfClosed' | 'closed';
