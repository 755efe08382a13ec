import { Duplex } from 'node:stream';
import { onTestFinished } from 'vitest';
import {
  TtrpcClient,
  TtrpcServer,
  type ClientOptions,
  type ServerOptions,
  type ServiceImplementation,
} from '../../lib/engine/index.js';
import { SERVICE } from '../rpc/text-service.js';

/** A server that ends with the test. */
export function makeServer(
  implementation: ServiceImplementation,
  options: ServerOptions = {},
): TtrpcServer {
  const server = new TtrpcServer(options);
  server.addService(SERVICE, implementation);
  onTestFinished(() => server.close());
  return server;
}

/** A client that ends with the test. */
export function makeClient(options: ClientOptions): TtrpcClient {
  const client = new TtrpcClient(options);
  onTestFinished(() => client.close());
  return client;
}

/** Handlers that answer with what they were asked. */
export const ECHO = {
  Unary: (request: string) => Promise.resolve(`echo ${request}`),
  async *Download(request: string) {
    yield* request.split(' ');
  },
  async Upload(requests: AsyncIterable<string>) {
    const all: string[] = [];
    for await (const request of requests) all.push(request);
    return all.join('+');
  },
  async *Chat(requests: AsyncIterable<string>) {
    for await (const request of requests) yield `echo ${request}`;
  },
} as const;

export const never = (): Promise<never> => new Promise(() => {});

/** One turn of the event loop. */
export const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Waits for something that is bound to happen. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await turn();
}

/** A promise and what resolves it. */
export function gate(): { opened: Promise<void>; open: () => void } {
  let open = (): void => {};
  const opened = new Promise<void>((resolve) => (open = resolve));
  return { opened, open };
}

/** Two ends of a pipe in memory, with the back pressure of streams. */
export function duplexPair(): [Duplex, Duplex] {
  const make = (other: () => Duplex): Duplex & { goOn?: () => void } =>
    new Duplex({
      read(this: Duplex & { goOn?: () => void }) {
        const { goOn } = this;
        delete this.goOn;
        goOn?.();
      },
      write(chunk, _, callback) {
        const far = other() as Duplex & { goOn?: () => void };
        if (far.push(chunk)) callback();
        else far.goOn = callback;
      },
      final(callback) {
        other().push(null);
        callback();
      },
      destroy(error, callback) {
        if (!other().destroyed) other().push(null);
        callback(error);
      },
    });
  const near: Duplex = make(() => far);
  const far: Duplex = make(() => near);
  return [near, far];
}
