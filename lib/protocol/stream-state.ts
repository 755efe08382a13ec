/**
 * The life of a stream, one row a state. It does not know which role this side plays.
 *
 *   open ── clientEnd ──▶ halfClosed ── serverEnd ──▶ closed
 *     └────────────────── serverEnd ────────────────────▲
 *
 * The server's end closes the stream for both sides, whether or not the client has closed its half.
 * Closing a half that is closed changes nothing.
 *
 * Source: containerd/ttrpc `PROTOCOL.md`, "Streaming"; `server.go` (`closeStream`).
 */
const TRANSITIONS = {
  open: {
    clientMessage: 'open',
    clientEnd: 'halfClosed',
    serverMessage: 'open',
    serverEnd: 'closed',
  },
  halfClosed: {
    clientEnd: 'halfClosed',
    serverMessage: 'halfClosed',
    serverEnd: 'closed',
  },
  closed: {},
} as const satisfies Record<string, Partial<Record<StreamEvent, string>>>;

export type StreamState = keyof typeof TRANSITIONS;
export type StreamEvent = 'clientMessage' | 'clientEnd' | 'serverMessage' | 'serverEnd';

/** The state after `event`, or `undefined` when the state forbids it. */
export function nextState(state: StreamState, event: StreamEvent): StreamState | undefined {
  const row: Partial<Record<StreamEvent, StreamState>> = TRANSITIONS[state];
  return row[event];
}
