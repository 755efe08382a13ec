import { describe, expect, it } from 'vitest';
import { BufferFullError, UsageError, type TtrpcError } from '../../lib/errors.js';
import { CallQueue } from '../../lib/rpc/call-queue.js';
import type { QueuedCall } from '../../lib/rpc/client-call.js';
import type { ClientConnection } from '../../lib/protocol/client-connection.js';
import { LimitCounters } from '../../lib/protocol/limit-counters.js';

/** What a waiting call costs besides its bytes. */
const OVERHEAD = 256;

/** A call that writes down what happens to it. */
class Call implements QueuedCall {
  readonly waitForReady = undefined;
  onLeave: (() => void) | undefined;
  readonly events: string[] = [];
  onFail: () => void = () => {};
  readonly #bytes: number | Error;

  constructor(bytes: number | Error = 0) {
    this.#bytes = bytes;
  }

  freeze(): number {
    if (typeof this.#bytes === 'number') return this.#bytes;
    throw this.#bytes;
  }

  start(): void {
    this.events.push('start');
  }

  fail(error: TtrpcError): void {
    this.events.push(error.message);
    this.onFail();
  }
}

/** A connection that takes `room` calls. */
function connection(room: number, state: 'closed' | 'congested' | 'exhausted' = 'congested') {
  let asked = 0;
  const flags = { closed: false, congested: false, exhausted: false };
  const full = { get: () => (state === 'congested' ? asked++ : asked++) >= room };
  Object.defineProperty(flags, state, full);
  return flags as unknown as ClientConnection;
}

const fill = (queue: CallQueue, calls: readonly Call[]): void => {
  for (const call of calls) queue.add(call);
};

describe('CallQueue', () => {
  it.each(['closed', 'congested', 'exhausted'] as const)(
    'starts calls in order until the connection is %s',
    (state) => {
      const queue = new CallQueue(10_000, new LimitCounters());
      const calls = [new Call(), new Call(), new Call()];
      fill(queue, calls);
      queue.startOn(connection(2, state));
      expect(calls.map(({ events }) => events)).toEqual([['start'], ['start'], []]);
      expect(queue.size).toBe(1);
      queue.startOn(connection(2, state));
      expect(calls[2]?.events).toEqual(['start']);
    },
  );

  it('forgets a call that leaves', () => {
    const queue = new CallQueue(OVERHEAD + 10, new LimitCounters());
    const call = new Call(10);
    queue.add(call);
    call.onLeave?.();
    expect(call.onLeave).toBeUndefined();
    expect(queue.size).toBe(0);
    const next = new Call(10);
    queue.add(next);
    expect(next.events).toEqual([]);
  });

  it('takes calls up to its bound and fails the next', () => {
    const queue = new CallQueue(2 * OVERHEAD + 20, new LimitCounters());
    const calls = [new Call(10), new Call(10), new Call(0)];
    fill(queue, calls);
    expect(queue.size).toBe(2);
    expect(calls[2]?.events).toEqual([
      'calls that wait to be sent would take 788 bytes; allowed are 532 (maxSendBufferBytes)',
    ]);
    queue.startOn(connection(1));
    const late = new Call(10);
    queue.add(late);
    expect(late.events).toEqual([]);
  });

  it('takes one call of any length', () => {
    const queue = new CallQueue(1, new LimitCounters());
    const calls = [new Call(1000), new Call(0)];
    fill(queue, calls);
    expect(queue.size).toBe(1);
    expect(calls.map(({ events }) => events.length)).toEqual([0, 1]);
  });

  it('fails a call whose request cannot be encoded', () => {
    const queue = new CallQueue(1000, new LimitCounters());
    const calls = [new Call(new Error('odd')), new Call(new UsageError('typed'))];
    fill(queue, calls);
    expect(queue.size).toBe(0);
    expect(calls.map(({ events }) => events)).toEqual([
      ['13 INTERNAL: request message can not be serialised: odd'],
      ['typed'],
    ]);
  });

  it('fails every call with an error of its own, but none that is made on hearing of it', () => {
    const queue = new CallQueue(10_000, new LimitCounters());
    const calls = [new Call(), new Call(), new Call()];
    const again = new Call();
    fill(queue, calls);
    (calls[0] as Call).onFail = () => {
      queue.add(again);
      calls[1]?.onLeave?.();
    };
    let made = 0;
    queue.failAll(() => new BufferFullError(`error ${++made}`));
    expect(calls.map(({ events }) => events)).toEqual([['error 1'], [], ['error 2']]);
    expect(again.events).toEqual([]);
    expect(queue.size).toBe(1);
  });
});
