import 'reflect-metadata';

import { Controller, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { GrpcMethod, GrpcStreamCall, GrpcStreamMethod } from '@nestjs/microservices';
import { concatMap, from, lastValueFrom, tap, type Observable } from 'rxjs';

import type { TtrpcStats } from '../../../lib/engine/index.js';
import { ClientTtrpc, ServerTtrpc, type TtrpcDuplexCall } from '../../../lib/index.js';
import { checkLifted, clientOptions, GRACE_MS, readAll, serverOptions } from './engine.js';
import { Handlers } from './handlers.js';
import {
  Checked,
  endlessItems,
  itemOf,
  items,
  LOADER,
  orderOf,
  PACKAGE,
  SERVICE,
  type Blob,
  type Config,
  type Item,
  type LoadClient,
  type LoadServer,
  type Order,
  type Plan,
  type Total,
} from './peer.js';

@Controller()
class LoadController {
  readonly handlers: Handlers;

  constructor(handlers: Handlers) {
    this.handlers = handlers;
  }

  @GrpcMethod('Load', 'Echo')
  echo(item: Item): Item | Promise<Item> {
    return this.handlers.echo(item);
  }

  @GrpcMethod('Load', 'Download')
  download(order: Order): Iterable<Item> | AsyncIterable<Item> | Observable<Item> {
    const all = this.handlers.download(order);
    return order.observable ? from(all) : all;
  }

  @GrpcStreamMethod('Load', 'Upload')
  async upload(requests: Observable<Item>): Promise<Total> {
    const total = { call: 0, count: 0, bytes: 0 };
    await lastValueFrom(requests.pipe(concatMap(async (item) => this.handlers.count(item, total))));
    return total;
  }

  @GrpcStreamMethod('Load', 'Chat')
  chat(requests: Observable<Item>): Observable<Item> {
    return requests.pipe(concatMap(async (item) => (await this.handlers.see(item), item)));
  }

  /** Observables know no backpressure; the call itself does. */
  @GrpcStreamCall('Load', 'Hold')
  hold(call: TtrpcDuplexCall, answer: (error: unknown, total?: Total) => void): void {
    const requests = call as unknown as AsyncIterable<Item>;
    const closed = new Promise<void>((resolve) => void call.once('close', () => resolve()));
    this.handlers.hold(requests, closed).then((total) => answer(null, total), answer);
  }

  @GrpcMethod('Load', 'Lift')
  lift(blob: Blob): Blob {
    return this.handlers.lift(blob);
  }
}

const definitions = ({ proto }: Config) => ({
  package: PACKAGE,
  protoPath: proto,
  loader: LOADER,
});

/** Nest's own handler of exceptions logs what ends calls: deadlines, and callers that are gone. */
const logger = {
  log: () => undefined,
  warn: (...said: unknown[]) => console.error(...said),
  error: (...said: unknown[]) => {
    if (said.at(-1) !== 'RpcExceptionsHandler') console.error(...said);
  },
};

export async function serveNest(
  config: Config,
  onBegin: (call: number) => void,
): Promise<LoadServer> {
  class LoadModule {}
  const provider = { provide: Handlers, useValue: new Handlers(onBegin) };
  Module({
    controllers: [LoadController],
    providers: [provider],
  })(LoadModule);
  Reflect.defineMetadata('design:paramtypes', [Handlers], LoadController);
  const strategy = new ServerTtrpc({
    url: `unix://${config.path}`,
    ...definitions(config),
    ...serverOptions(config),
    graceMs: GRACE_MS,
  });
  const app = await NestFactory.createMicroservice(LoadModule, {
    strategy,
    logger,
  });
  await app.listen();
  const engine = strategy.unwrap();
  return {
    stats: () => engine.stats(),
    shutdown: async () => {
      await strategy.drain();
      await app.close();
    },
    close: () => app.close(),
  };
}

interface ObservableService {
  echo(item: Item, options: object): Observable<Item>;
  download(order: Order, options: object): Observable<Item>;
  upload(items: Requests, options: object): Observable<Total>;
  chat(items: Requests, options: object): Observable<Item>;
  hold(items: Requests, options: object): Observable<Total>;
}

interface PromiseService {
  echo(item: Item, options: object): Promise<Item>;
  download(order: Order, options: object): AsyncIterable<Item>;
  upload(items: Requests, options: object): Promise<Total>;
  chat(items: Requests, options: object): AsyncIterable<Item>;
  hold(items: Requests, options: object): Promise<Total>;
  lift(blob: Blob): Promise<Blob>;
}

type Requests = Observable<Item> | AsyncIterable<Item> | Iterable<Item>;

export function connectNest(config: Config): LoadClient {
  const client = new ClientTtrpc({
    url: `unix://${config.path}`,
    ...definitions(config),
    ...clientOptions(config),
  });
  return new NestClient(client);
}

class NestClient implements LoadClient {
  readonly #client: ClientTtrpc;
  readonly #service: ObservableService;
  readonly #promises: PromiseService;

  constructor(client: ClientTtrpc) {
    this.#client = client;
    this.#service = client.getService<ObservableService>(SERVICE);
    this.#promises = client.getPromiseService<PromiseService>(SERVICE);
  }

  async connect(): Promise<void> {
    await this.#client.connect();
  }

  stats(): TtrpcStats {
    return this.#client.unwrap().stats();
  }

  async close(): Promise<void> {
    await this.#client.close();
  }

  async make(plan: Plan, onMessage?: () => void): Promise<void> {
    const checked = new Checked(plan, onMessage);
    if (plan.observables) await this.#observe(plan, checked);
    else await this.#await(plan, checked);
  }

  async giveUp(plan: Plan): Promise<void> {
    const responses = this.#responses(plan) as Observable<Item>;
    await new Promise<void>((resolve, reject) => {
      const subscription = responses.subscribe({
        next: () => plan.kind !== 'echo' && setImmediate(leave),
        error: reject,
        complete: () => resolve(),
      });
      const leave = (): void => {
        subscription.unsubscribe();
        resolve();
      };
      if (plan.kind === 'echo') setImmediate(leave);
    });
  }

  async lift(data: Uint8Array): Promise<void> {
    checkLifted(data, await this.#promises.lift({ data }));
  }

  async hold(plan: Plan): Promise<void> {
    const requests = endlessItems(plan);
    if (plan.observables) await over(this.#service.hold(requests, plan.options));
    else await this.#promises.hold(requests, plan.options);
  }

  async #await(plan: Plan, checked: Checked): Promise<void> {
    const { options, callerRest } = plan;
    switch (plan.kind) {
      case 'echo':
        checked.item(await this.#promises.echo(itemOf(plan), options));
        return checked.end();
      case 'upload':
        checked.total(await this.#promises.upload(items(plan), options));
        return checked.end();
      case 'download':
        return readAll(this.#promises.download(orderOf(plan), options), checked, callerRest);
      case 'chat':
        return readAll(this.#promises.chat(items(plan), options), checked, callerRest);
    }
  }

  async #observe(plan: Plan, checked: Checked): Promise<void> {
    const responses = this.#responses(plan);
    const take = (response: Item | Total): void =>
      plan.kind === 'upload' ? checked.total(response as Total) : checked.item(response as Item);
    await over((responses as Observable<Item | Total>).pipe(tap(take)));
    checked.end();
  }

  #responses(plan: Plan): Observable<Item> | Observable<Total> {
    const { options } = plan;
    switch (plan.kind) {
      case 'echo':
        return this.#service.echo(itemOf(plan), options);
      case 'upload':
        return this.#service.upload(from(items(plan)), options);
      case 'download':
        return this.#service.download(orderOf(plan), options);
      case 'chat':
        return this.#service.chat(from(items(plan)), options);
    }
  }
}

/** Resolves with an Observable's completion, whatever it has emitted. */
function over(source: Observable<unknown>): Promise<void> {
  return new Promise((resolve, reject) => {
    source.subscribe({ complete: () => resolve(), error: reject });
  });
}
