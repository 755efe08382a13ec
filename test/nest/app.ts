import 'reflect-metadata';
import { mkdtempSync, rmSync } from 'node:fs';
import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Duplex } from 'node:stream';
import {
  Module,
  type INestMicroservice,
  type LoggerService,
  type ModuleMetadata,
  type Type,
} from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { lastValueFrom, toArray, type Observable } from 'rxjs';
import { onTestFinished } from 'vitest';
import {
  ClientTtrpc,
  ServerTtrpc,
  type CallOptions,
  type ClientTtrpcOptions,
  type ServerTtrpcOptions,
} from '../../lib/index.js';
import type { Dialer } from '../../lib/engine/index.js';
import type { MetadataInit } from '../../lib/spec/metadata.js';
import { createMemoryTransport } from '../../lib/testing/index.js';

/** The message of fixtures/room.proto; what is left out has its default. */
export interface Text {
  text?: string;
  number?: number;
  data?: Uint8Array;
}

type Second = MetadataInit | CallOptions;
type One = (request: Text, second?: Second, third?: CallOptions) => Observable<Text>;
type Many = (
  requests: Observable<Text> | Iterable<Text> | AsyncIterable<Text>,
  second?: Second,
  third?: CallOptions,
) => Observable<Text>;

/** `RoomService` as its callers see it. */
export interface Room {
  say: One;
  tell: One;
  join: Many;
  chat: Many;
}

export const ROOM = {
  package: 'acme.v1',
  protoPath: join(import.meta.dirname, 'fixtures/room.proto'),
  loader: { defaults: false },
} as const;

/** A path that nothing else uses, in a folder that goes with the test. */
export function socketPath(): string {
  const folder = mkdtempSync(join(tmpdir(), 'ttrpc-nest-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return join(folder, 'nest.sock');
}

/** Sees to it that something is closed behind the test, the last one first. */
export function closeLater<T extends { close(): Promise<unknown> }>(one: T): T {
  onTestFinished(async () => void (await one.close()));
  return one;
}

/** Keeps what Nest logs, by level. */
export class RecordingLogger implements LoggerService {
  readonly errors: unknown[] = [];
  readonly warnings: unknown[] = [];

  log(): void {}

  error(message: unknown): void {
    this.errors.push(message);
  }

  warn(message: unknown): void {
    this.warnings.push(message);
  }
}

/** What a test wants of its server beside controllers. */
export interface Wishes {
  readonly options?: Partial<ServerTtrpcOptions>;
  readonly module?: ModuleMetadata;
  /** Before the application listens. */
  readonly prepare?: (app: INestMicroservice, server: ServerTtrpc) => void;
}

/** A Nest microservice that listens, and a client of it. */
export interface Started {
  readonly app: INestMicroservice;
  readonly server: ServerTtrpc;
  readonly address: unknown;
  readonly url: string;
  readonly logger: RecordingLogger;
  readonly client: ClientTtrpc;
  readonly room: Room;
}

/** Serves controllers on a unix socket of their own. */
export async function start(controllers: Type[], wishes: Wishes = {}): Promise<Started> {
  const url = wishes.options?.url ?? `unix://${socketPath()}`;
  const served = await serve(controllers, { url }, wishes);
  return { ...served, url, ...roomOf(connect(url)) };
}

/** Serves controllers in memory, where a socket is not the point. */
export async function startInMemory(
  controllers: Type[],
  wishes: Wishes = {},
): Promise<Omit<Started, 'url'> & { readonly dial: Dialer }> {
  const { listen, dial } = createMemoryTransport();
  const served = await serve(controllers, { listen }, wishes);
  return { ...served, dial, ...roomOf(closeLater(new ClientTtrpc({ ...ROOM, dial }))) };
}

async function serve(
  controllers: Type[],
  place: Pick<ServerTtrpcOptions, 'listen' | 'url'>,
  wishes: Wishes,
): Promise<Pick<Started, 'address' | 'app' | 'logger' | 'server'>> {
  const server = new ServerTtrpc({ ...ROOM, ...wishes.options, ...place });
  const logger = new RecordingLogger();
  const app = await NestFactory.createMicroservice(moduleOf({ ...wishes.module, controllers }), {
    strategy: server,
    logger,
  });
  closeLater(app);
  wishes.prepare?.(app, server);
  const address: unknown = await app.listen();
  return { app, server, address, logger };
}

function roomOf(client: ClientTtrpc): Pick<Started, 'client' | 'room'> {
  return { client, room: client.getService<Room>('RoomService') };
}

/** A module made of `metadata`. */
export function moduleOf(metadata: ModuleMetadata): Type {
  @Module(metadata)
  class TestModule {}
  return TestModule;
}

/** A client of the fixture's services. */
export function connect(url: string, options: Partial<ClientTtrpcOptions> = {}): ClientTtrpc {
  return closeLater(new ClientTtrpc({ ...ROOM, url, ...options }));
}

/** Everything that a call answers. */
export function all(call: Observable<Text>): Promise<Text[]> {
  return lastValueFrom(call.pipe(toArray()));
}

/** How a call fails, as `5 NOT_FOUND: text`. */
export async function failure(call: Observable<unknown> | Promise<unknown>): Promise<string> {
  try {
    await ('then' in call ? call : lastValueFrom(call.pipe(toArray())));
    return 'no failure';
  } catch (error) {
    return error instanceof Error ? error.message : `not an Error: ${JSON.stringify(error)}`;
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

/** A dialer whose connection can be muzzled: the server then hears nothing more, not even an end. */
export function muzzledDialer(url: string): { dial: () => Duplex; muzzle: () => void } {
  let muzzled = false;
  const dial = (): Duplex => {
    const socket = createConnection(url.slice('unix://'.length));
    const duplex = new Duplex({
      read: () => void socket.resume(),
      write: (chunk, _encoding, done) => {
        if (muzzled) done();
        else socket.write(chunk as Buffer, done);
      },
      destroy: (error, done) => {
        socket.destroy();
        done(error);
      },
    });
    socket.on('data', (chunk) => void duplex.push(chunk));
    socket.on('close', () => void duplex.push(null));
    return duplex;
  };
  return { dial, muzzle: () => void (muzzled = true) };
}
