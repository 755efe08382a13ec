import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { concat, EMPTY, finalize, NEVER, of, range, Subject, throwError } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { BufferFullError } from '../../lib/errors.js';
import {
  MAX_WAITING,
  ObservableSender,
  type MessageTarget,
} from '../../lib/nest/observable-sender.js';

/** A peer that takes `room` messages before it wants to be waited for. */
class Peer implements MessageTarget {
  readonly got: unknown[] = [];
  room: number;
  #drained: (() => void) | undefined;

  constructor(room: number) {
    this.room = room;
  }

  send(message: unknown): boolean {
    if (message === 'unsendable') throw new TypeError('unsendable');
    this.got.push(message);
    this.room -= 1;
    return this.room > 0;
  }

  whenDrained(drained: () => void): void {
    this.#drained = drained;
  }

  end(): void {
    this.got.push('end');
  }

  fail(error: unknown): void {
    this.got.push(error);
  }

  drain(room: number): void {
    this.room = room;
    this.#drained?.();
  }
}

function sending(peer: MessageTarget): ObservableSender {
  return new ObservableSender(peer);
}

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

describe('ObservableSender', () => {
  it('keeps nothing that it has sent, also when something always waits', async () => {
    let drained = (): void => {};
    const target: MessageTarget = {
      send: () => false,
      whenDrained: (call) => void (drained = call),
      end: () => {},
      fail: () => {},
    };
    const source = new Subject<object>();
    sending(target).start(source);
    source.next({});
    const sent = Array.from({ length: 3000 }, () => {
      const message = {};
      source.next(message);
      return new WeakRef(message);
    });
    // One stays ahead of the peer, so that the list never runs empty.
    for (const _ of sent.slice(1)) drained();
    await new Promise((resolve) => setImmediate(resolve));
    collectGarbage();
    const kept = sent.filter((reference) => reference.deref() !== undefined);
    expect(kept.length).toBeLessThanOrEqual(2);
  });

  it('sends what an Observable emits, and its end', () => {
    const peer = new Peer(10);
    sending(peer).start(of(1, 2));
    expect(peer.got).toEqual([1, 2, 'end']);
    const empty = new Peer(10);
    sending(empty).start(EMPTY);
    expect(empty.got).toEqual(['end']);
  });

  it('holds messages back while the peer is full; the end comes behind them', () => {
    const peer = new Peer(2);
    sending(peer).start(of(1, 2, 3, 4, 5));
    expect(peer.got).toEqual([1, 2]);
    peer.drain(2);
    expect(peer.got).toEqual([1, 2, 3, 4]);
    peer.drain(1);
    expect(peer.got).toEqual([1, 2, 3, 4, 5]);
    peer.drain(1);
    expect(peer.got).toEqual([1, 2, 3, 4, 5, 'end']);
  });

  it('keeps the order when messages come while others are flushed', () => {
    const subject = new Subject<number>();
    const peer = new Peer(1);
    sending(peer).start(subject);
    subject.next(1);
    subject.next(2);
    subject.next(3);
    peer.drain(1);
    subject.next(4);
    peer.drain(10);
    subject.next(5);
    expect(peer.got).toEqual([1, 2, 3, 4, 5]);
  });

  it('gives an error behind the messages that wait', () => {
    const broken = new Error('broken');
    const peer = new Peer(1);
    sending(peer).start(
      concat(
        of(1, 2),
        throwError(() => broken),
      ),
    );
    expect(peer.got).toEqual([1]);
    peer.drain(5);
    expect(peer.got).toEqual([1, 2, broken]);
  });

  it('fails and unsubscribes when a message can not be sent, at once or from the queue', () => {
    let left = 0;
    const source = concat(of(1, 'unsendable', 3), NEVER).pipe(finalize(() => (left += 1)));
    const direct = new Peer(10);
    sending(direct).start(source);
    expect(direct.got).toEqual([1, expect.any(TypeError)]);
    const queued = new Peer(1);
    sending(queued).start(source);
    queued.drain(10);
    expect(queued.got).toEqual([1, expect.any(TypeError)]);
    expect(left).toBe(2);
  });

  it('stops: unsubscribes, drops what waits, and says nothing more', () => {
    const subject = new Subject<number>();
    const peer = new Peer(1);
    const sender = sending(peer);
    sender.start(subject);
    subject.next(1);
    subject.next(2);
    sender.stop();
    expect(subject.observed).toBe(false);
    peer.drain(10);
    expect(peer.got).toEqual([1]);
  });

  it('leaves an Observable at once when it was stopped before, or while it subscribes', () => {
    let left = 0;
    const peer = new Peer(10);
    const sender = sending(peer);
    sender.stop();
    sender.start(of(1).pipe(finalize(() => (left += 1))));
    expect(peer.got).toEqual([]);
    expect(left).toBe(1);
  });

  it('lets no more wait than its bound', () => {
    const full = new Peer(1);
    sending(full).start(range(0, MAX_WAITING + 1));
    full.drain(Infinity);
    expect(full.got).toHaveLength(MAX_WAITING + 2);

    let left = 0;
    const peer = new Peer(1);
    sending(peer).start(range(0, MAX_WAITING + 2).pipe(finalize(() => (left += 1))));
    expect(peer.got).toEqual([0, expect.any(BufferFullError)]);
    expect(left).toBe(1);
  });
});
