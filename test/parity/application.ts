import 'reflect-metadata';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  Module,
  type INestApplication,
  type INestMicroservice,
  type ModuleMetadata,
  type NestHybridApplicationOptions,
  type Type,
} from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ClientsModule, type ClientGrpc, type ClientProxy } from '@nestjs/microservices';
import { lastValueFrom, toArray, type Observable } from 'rxjs';
import { afterAll, afterEach } from 'vitest';
import type { RawClient } from './raw-client.js';
import type { ParityTransport, Place } from './transports.js';

const folder = mkdtempSync(join(tmpdir(), 'ttrpc-parity-'));
let sockets = 0;
const open: { close(): Promise<unknown> }[] = [];

afterEach(async () => {
  for (const one of open.splice(0).toReversed()) await one.close();
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** The address of a unix socket that no other test of the file uses. */
export function newUrl(): string {
  sockets += 1;
  return `unix://${join(folder, `${sockets}.sock`)}`;
}

/** Sees to it that something is closed behind the test, the last one first. */
export function closeLater<T extends { close(): Promise<unknown> }>(one: T): T {
  open.push(one);
  return one;
}

export const CLIENT = 'CLIENT';

export type Client = ClientGrpc & ClientProxy;

/** An application on one of the transports, and clients of it. */
export interface Started {
  readonly app: INestMicroservice;
  readonly place: Place;
  /** What `await app.listen()` gave. */
  readonly listened: unknown;
  /** The client that Nest's `ClientsModule` injects. */
  readonly client: Client;
  readonly raw: RawClient;
}

/** What a test wants of its application beside controllers. */
export interface Wishes {
  readonly module?: ModuleMetadata;
  readonly place?: Partial<Place>;
  /** What the server is told otherwise than the clients. */
  readonly serverPlace?: Partial<Place>;
  /** Before the application listens. */
  readonly prepare?: (app: INestMicroservice) => void;
}

/** A module with a client of `place`. */
function moduleWith(transport: ParityTransport, place: Place, metadata: ModuleMetadata): Type {
  const { gracefulShutdown: _, graceMs: __, ...definition } = place;
  const clients = ClientsModule.register([{ name: CLIENT, ...transport.client(definition) }]);
  @Module({ ...metadata, imports: [clients, ...(metadata.imports ?? [])] })
  class AppModule {}
  return AppModule;
}

/** Serves controllers on a socket of their own. */
export async function start(
  transport: ParityTransport,
  definition: Omit<Place, 'url'>,
  controllers: Type[],
  wishes: Wishes = {},
): Promise<Started> {
  const place: Place = { ...definition, url: newUrl(), ...wishes.place };
  const app = closeLater(
    await NestFactory.createMicroservice(
      moduleWith(transport, place, { ...wishes.module, controllers }),
      { ...transport.server({ ...place, ...wishes.serverPlace }), logger: false },
    ),
  );
  wishes.prepare?.(app);
  const listened: unknown = await app.listen();
  const raw = closeLater(transport.raw(place));
  return { app, place, listened, raw, client: app.get<Client>(CLIENT) };
}

/** Everything that a call answers. */
export function all<T>(call: Observable<T>): Promise<T[]> {
  return lastValueFrom(call.pipe(toArray()));
}

/** How a call ends: `OK`, or its error's text, which has code, name and details. */
export async function ending(call: Observable<unknown>): Promise<string> {
  try {
    await all(call);
    return 'OK';
  } catch (error) {
    return error instanceof Error ? error.message : `no Error: ${JSON.stringify(error)}`;
  }
}

/** A promise, and what settles it: lets a test wait for what a handler sees. */
export interface Signal<T> {
  readonly promise: Promise<T>;
  resolve(value: T): void;
}

export function signal<T = void>(): Signal<T> {
  let resolve!: (value: T) => void;
  const promise = new Promise<T>((settle) => (resolve = settle));
  return { promise, resolve };
}

/** Stands where a test needs a moment of the event loop between two steps, whose length is no matter. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** An HTTP application with a microservice on one of the transports beside it. */
export interface Hybrid {
  readonly app: INestApplication;
  readonly client: Client;
  readonly raw: RawClient;
  /** What `GET path` answers. */
  readonly get: (path: string) => Promise<unknown>;
}

export async function startHybrid(
  transport: ParityTransport,
  definition: Omit<Place, 'url'>,
  controllers: Type[],
  wishes: HybridWishes = {},
): Promise<Hybrid> {
  const place: Place = { ...definition, url: newUrl() };
  const module = moduleWith(
    transport,
    { ...place, ...wishes.clientPlace },
    { ...wishes.module, controllers },
  );
  const app = closeLater(await NestFactory.create(module, { logger: false }));
  wishes.prepare?.(app);
  app.connectMicroservice(transport.server(place), wishes.hybrid);
  await app.startAllMicroservices();
  await app.listen(0, '127.0.0.1');
  const raw = closeLater(transport.raw(place));
  return { app, raw, client: app.get<Client>(CLIENT), get: await getterOf(app) };
}

/** What a test wants of its hybrid application beside controllers. */
export interface HybridWishes {
  readonly module?: ModuleMetadata;
  readonly hybrid?: NestHybridApplicationOptions;
  /** What the client is told otherwise than the server. */
  readonly clientPlace?: Partial<Place>;
  /** Before the microservice is connected. */
  readonly prepare?: (app: INestApplication) => void;
}

async function getterOf(app: INestApplication): Promise<(path: string) => Promise<unknown>> {
  const base = await app.getUrl();
  return async (path) => (await fetch(`${base}${path}`)).json();
}
