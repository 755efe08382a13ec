import { getEventListeners } from 'node:events';
import { describe, expect, it } from 'vitest';
import { unwatchAbort, watchAbort, type AbortWatcher } from '../../lib/rpc/abort-watch.js';

/** A watcher that writes down what it hears, and does what the test says then. */
class Watcher implements AbortWatcher {
  watchSlot = 0;
  readonly heard: unknown[] = [];
  readonly #then: () => void;

  constructor(then: () => void = () => {}) {
    this.#then = then;
  }

  cancel(reason: unknown): void {
    this.heard.push(reason);
    this.#then();
  }
}

describe('watchAbort', () => {
  it('tells all that watch, behind one listener, which goes with the last of them', () => {
    const { signal } = new AbortController();
    const watchers = Array.from({ length: 100 }, () => new Watcher());
    for (const watcher of watchers) watchAbort(signal, watcher);
    expect(getEventListeners(signal, 'abort')).toHaveLength(1);
    for (const watcher of watchers) unwatchAbort(signal, watcher);
    expect(getEventListeners(signal, 'abort')).toHaveLength(0);
  });

  it('tells each of those that still watch, once', () => {
    const controller = new AbortController();
    const { signal } = controller;
    const watchers = Array.from({ length: 5 }, () => new Watcher());
    for (const watcher of watchers) watchAbort(signal, watcher);
    for (const index of [1, 4, 1]) unwatchAbort(signal, watchers[index] as Watcher);
    controller.abort('enough');
    expect(watchers.map(({ heard }) => heard.length)).toEqual([1, 0, 1, 1, 0]);
    expect(watchers[0]?.heard).toEqual(['enough']);
  });

  it('watches again after the last one left', () => {
    const controller = new AbortController();
    const watcher = new Watcher();
    watchAbort(controller.signal, watcher);
    unwatchAbort(controller.signal, watcher);
    watchAbort(controller.signal, watcher);
    controller.abort('enough');
    expect(watcher.heard).toEqual(['enough']);
  });

  it('takes it that a watcher leaves when it hears, and that one leaves which never came', () => {
    const controller = new AbortController();
    const { signal } = controller;
    const leaver: Watcher = new Watcher(() => unwatchAbort(signal, leaver));
    const other = new Watcher();
    unwatchAbort(signal, other);
    watchAbort(signal, leaver);
    watchAbort(signal, other);
    controller.abort('enough');
    expect([leaver.heard, other.heard]).toEqual([['enough'], ['enough']]);
  });
});
