import {
  loadServices,
  TtrpcClient,
  TtrpcServer,
  type MethodDefinition,
  type TtrpcStats,
} from '../../../lib/engine/index.js';
import { shrinkingDialer, shrinkingHandshake } from '../socket-buffers.js';
import { Handlers } from './handlers.js';
import {
  Checked,
  endlessItems,
  itemOf,
  items,
  LOADER,
  orderOf,
  SERVICE,
  WrongAnswer,
  type Blob,
  type Config,
  type Item,
  type LoadClient,
  type LoadServer,
  type Order,
  type Plan,
  type Total,
} from './peer.js';

/** How long a server that shuts down waits for its calls, in milliseconds. */
export const GRACE_MS = 1000;

export async function serveEngine(
  config: Config,
  onBegin: (call: number) => void,
): Promise<LoadServer> {
  const handlers = new Handlers(onBegin);
  const server = new TtrpcServer(serverOptions(config));
  server.addService(loadServices({ protoPath: config.proto, loader: LOADER }).service(SERVICE), {
    echo: (item: Item) => handlers.echo(item),
    download: (order: Order) => handlers.download(order),
    upload: (requests: AsyncIterable<Item>) => handlers.upload(requests),
    chat: (requests: AsyncIterable<Item>) => handlers.chat(requests),
    hold: (requests: AsyncIterable<Item>, { signal }: { signal: AbortSignal }) =>
      handlers.hold(requests, signal),
    lift: (blob: Blob) => handlers.lift(blob),
  });
  await server.listen(`unix://${config.path}`);
  return {
    stats: () => server.stats(),
    shutdown: () => server.shutdown({ graceMs: GRACE_MS }),
    close: () => server.close(),
  };
}

/** What a config says to servers of either kind. */
export function serverOptions({ bounds, buffers }: Config): object {
  const handshake = buffers === undefined ? undefined : shrinkingHandshake(buffers);
  return { ...bounds, handshake };
}

/** What a config says to clients of either kind. */
export function clientOptions({ bounds, buffers, path }: Config): object {
  const dial = buffers === undefined ? undefined : shrinkingDialer(path, buffers);
  // How busy the machine is decides nothing: who waits for ever is found by the watchdog.
  const patience = { connectTimeoutMs: Infinity, reconnect: { initialMs: 10, maxMs: 100 } };
  return { ...bounds, ...patience, ...(dial && { dial }) };
}

export function connectEngine(config: Config): LoadClient {
  const client = new TtrpcClient({
    address: `unix://${config.path}`,
    ...clientOptions(config),
  });
  return new EngineClient(client, methodsOf(config.proto));
}

/** Calls by callbacks where there are no streams, by iterables where there are. */
class EngineClient implements LoadClient {
  readonly #client: TtrpcClient;
  readonly #methods: Methods;

  constructor(client: TtrpcClient, methods: Methods) {
    this.#client = client;
    this.#methods = methods;
  }

  connect(): Promise<void> {
    return this.#client.connect();
  }

  stats(): TtrpcStats {
    return this.#client.stats();
  }

  close(): Promise<void> {
    return this.#client.close();
  }

  async make(plan: Plan, onMessage?: () => void): Promise<void> {
    const checked = new Checked(plan, onMessage);
    const { Download, Upload, Chat } = this.#methods;
    const { options, callerRest } = plan;
    switch (plan.kind) {
      case 'echo':
        return this.#echo(plan, checked);
      case 'upload':
        checked.total(await this.#client.clientStreaming(Upload, items(plan), options));
        return checked.end();
      case 'download': {
        const responses = this.#client.serverStreaming(Download, orderOf(plan), options);
        return readAll(responses, checked, callerRest);
      }
      case 'chat': {
        const responses = this.#client.bidirectional(Chat, items(plan), options);
        return readAll(responses, checked, callerRest);
      }
    }
  }

  async giveUp(plan: Plan): Promise<void> {
    const { Echo, Download, Chat } = this.#methods;
    if (plan.kind === 'echo') return this.#cancel(Echo, itemOf(plan));
    const responses =
      plan.kind === 'download'
        ? this.#client.serverStreaming(Download, orderOf(plan), plan.options)
        : this.#client.bidirectional(Chat, items(plan), plan.options);
    for await (const item of responses) if (item.call === plan.call) return;
  }

  async lift(data: Uint8Array): Promise<void> {
    checkLifted(data, await this.#client.unary(this.#methods.Lift, { data }));
  }

  async hold(plan: Plan): Promise<void> {
    const requests = endlessItems(plan);
    await this.#client.clientStreaming(this.#methods.Hold, requests, plan.options);
  }

  #cancel(method: MethodDefinition<Item, Item>, item: Item): Promise<void> {
    return new Promise((resolve) => {
      const end = (): void => resolve();
      const call = this.#client.startUnary(method, item, { resolve: end, reject: end });
      setImmediate(() => call.cancel());
    });
  }

  /** On the level where an end could come twice. */
  #echo(plan: Plan, checked: Checked): Promise<void> {
    return new Promise((resolve, reject) => {
      let ends = 0;
      const end = (how: () => void): void => {
        ends += 1;
        if (ends > 1) throw new WrongAnswer(`call ${plan.call} has ended ${ends} times`);
        try {
          how();
          resolve();
        } catch (error) {
          reject(error);
        }
      };
      this.#client.startUnary(this.#methods.Echo, itemOf(plan), {
        options: plan.options,
        resolve: (item) =>
          end(() => {
            checked.item(item);
            checked.end();
          }),
        reject: (error) =>
          end(() => {
            throw error;
          }),
      });
    });
  }
}

/** Takes all responses, and rests for a while over the first. */
export async function readAll(
  responses: AsyncIterable<Item>,
  checked: Checked,
  rest: Plan['callerRest'],
): Promise<void> {
  let first = true;
  for await (const item of responses) {
    checked.item(item);
    if (first) await rest?.();
    first = false;
  }
  checked.end();
}

/** @throws WrongAnswer when it is not what was sent */
export function checkLifted(data: Uint8Array, answer: Blob): void {
  if (Buffer.compare(answer.data, data) === 0) return;
  throw new WrongAnswer(`${answer.data.length} other bytes came than the ${data.length} sent`);
}

interface Methods {
  readonly Echo: MethodDefinition<Item, Item>;
  readonly Download: MethodDefinition<Order, Item>;
  readonly Upload: MethodDefinition<Item, Total>;
  readonly Chat: MethodDefinition<Item, Item>;
  readonly Hold: MethodDefinition<Item, Total>;
  readonly Lift: MethodDefinition<Blob, Blob>;
}

let loaded: Methods | undefined;

/** Loaded once, however many clients a process has. */
function methodsOf(protoPath: string): Methods {
  const load = (): readonly MethodDefinition[] =>
    loadServices({ protoPath, loader: LOADER }).service(SERVICE).methods;
  loaded ??= Object.fromEntries(load().map((each) => [each.name, each])) as unknown as Methods;
  return loaded;
}
