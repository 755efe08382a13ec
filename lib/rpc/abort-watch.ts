/** A call that ends when a signal aborts. */
export interface AbortWatcher {
  /** @internal Where the signal's watch has it; the watch's. */
  watchSlot: number;
  cancel(reason: unknown): void;
}

/**
 * Everything that waits for one signal, behind one listener: a listener for each call would make
 * Node warn of a leak as soon as a signal was given to more than ten calls at once.
 */
interface AbortWatch {
  readonly watchers: AbortWatcher[];
  readonly listener: () => void;
}

const watches = new WeakMap<AbortSignal, AbortWatch>();

/** Tells `watcher` when `signal`, which has not aborted yet, aborts; until {@link unwatchAbort}. */
export function watchAbort(signal: AbortSignal, watcher: AbortWatcher): void {
  const { watchers, listener } = watches.get(signal) ?? newWatch(signal);
  if (watchers.length === 0) signal.addEventListener('abort', listener, { once: true });
  watcher.watchSlot = watchers.length;
  watchers.push(watcher);
}

/** Ends what {@link watchAbort} began; nothing happens when it is over. */
export function unwatchAbort(signal: AbortSignal, watcher: AbortWatcher): void {
  const watch = watches.get(signal);
  if (watch?.watchers[watcher.watchSlot] !== watcher) return;
  const { watchers, listener } = watch;
  const last = watchers.pop() as AbortWatcher;
  if (last !== watcher) {
    last.watchSlot = watcher.watchSlot;
    watchers[watcher.watchSlot] = last;
  }
  if (watchers.length === 0) signal.removeEventListener('abort', listener);
}

function newWatch(signal: AbortSignal): AbortWatch {
  const watchers: AbortWatcher[] = [];
  const listener = (): void => {
    for (const watcher of watchers.splice(0)) watcher.cancel(signal.reason);
  };
  const watch = { watchers, listener };
  watches.set(signal, watch);
  return watch;
}
