import { describe, expect, it } from 'vitest';
import { nextState, type StreamEvent, type StreamState } from '../../lib/protocol/stream-state.js';

describe('nextState', () => {
  it.each<[StreamState, StreamEvent, StreamState | undefined]>([
    ['open', 'clientMessage', 'open'],
    ['open', 'clientEnd', 'halfClosed'],
    ['open', 'serverMessage', 'open'],
    ['open', 'serverEnd', 'closed'],
    ['halfClosed', 'clientMessage', undefined],
    ['halfClosed', 'clientEnd', 'halfClosed'],
    ['halfClosed', 'serverMessage', 'halfClosed'],
    ['halfClosed', 'serverEnd', 'closed'],
    ['closed', 'clientMessage', undefined],
    ['closed', 'clientEnd', undefined],
    ['closed', 'serverMessage', undefined],
    ['closed', 'serverEnd', undefined],
  ])('leads from %s by %s to %s', (state, event, next) => {
    expect(nextState(state, event)).toBe(next);
  });
});
