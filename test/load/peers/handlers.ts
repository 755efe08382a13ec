import { items, planOf, sleep, type Blob, type Item, type Order, type Total } from './peer.js';

/** What every server does with its calls. */
export class Handlers {
  readonly #onBegin: (call: number) => void;

  /** @param onBegin - hears of each call before anything is done for it */
  constructor(onBegin: (call: number) => void) {
    this.#onBegin = onBegin;
  }

  echo(item: Item): Item | Promise<Item> {
    this.#onBegin(item.call);
    return item.lagMs === 0 ? item : sleep(item.lagMs).then(() => item);
  }

  /** All at once, so that only the reader's pace counts, or paced by itself. */
  download(order: Order): Iterable<Item> | AsyncIterable<Item> {
    this.#onBegin(order.call);
    const { call, count, size, paceMs } = order;
    const all = items(planOf('download', call, { count, size }));
    return paceMs === 0 ? all : paced(all, paceMs);
  }

  async upload(requests: AsyncIterable<Item>): Promise<Total> {
    const total = { call: 0, count: 0, bytes: 0 };
    for await (const item of requests) await this.count(item, total);
    return total;
  }

  async *chat(requests: AsyncIterable<Item>): AsyncGenerator<Item, void> {
    for await (const item of requests) {
      await this.see(item);
      yield item;
    }
  }

  /** Takes the first item, and waits until the call is over. */
  async hold(requests: AsyncIterable<Item>, over: AbortSignal | Promise<void>): Promise<Total> {
    for await (const { call } of requests) {
      this.#onBegin(call);
      await (over instanceof Promise ? over : aborted(over));
    }
    return { call: 0, count: 0, bytes: 0 };
  }

  lift(blob: Blob): Blob {
    return blob;
  }

  /** Takes an item of a stream. */
  see({ call, index, lagMs }: Item): Promise<void> | undefined {
    if (index === 0) this.#onBegin(call);
    return lagMs === 0 ? undefined : sleep(lagMs);
  }

  /** Adds an item to what came before it. */
  count(
    item: Item,
    total: { call: number; count: number; bytes: number },
  ): Promise<void> | undefined {
    total.call = item.call;
    total.count += 1;
    total.bytes += item.data.length;
    return this.see(item);
  }
}

async function* paced(all: Iterable<Item>, paceMs: number): AsyncGenerator<Item, void> {
  for (const item of all) {
    yield item;
    await sleep(paceMs);
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) =>
    signal.addEventListener('abort', () => resolve(), { once: true }),
  );
}
