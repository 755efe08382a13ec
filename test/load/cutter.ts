import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';

import type { Towards } from './schedule.js';

/** One connection through the cutter. */
interface Lane {
  readonly client: Socket;
  readonly server: Socket;
  /** Bytes that still pass one way. */
  readonly left: Record<Towards, number>;
}

/** Passes bytes on between clients and a server, on unix sockets, until it is told not to. */
export class Cutter {
  readonly #path: string;
  readonly #target: string;
  readonly #lanes = new Set<Lane>();
  readonly #clogged = new Set<Towards>();
  #listener: Server | undefined;

  /**
   * @param path - where clients connect
   * @param target - where the server listens
   */
  constructor(path: string, target: string) {
    this.#path = path;
    this.#target = target;
  }

  async listen(): Promise<void> {
    this.#listener = createServer((client) => this.#join(client)).listen(this.#path);
    await once(this.#listener, 'listening');
  }

  /** Connections that are there go on; nobody else can connect. */
  refuse(): void {
    this.#listener?.close();
  }

  /** Ends all connections once so many more bytes have passed. */
  cut(towards: Towards, bytes: number): void {
    for (const lane of this.#lanes) lane.left[towards] = bytes;
  }

  /** Reads nothing of what goes one way, also on connections that are made meanwhile. */
  clog(towards: Towards): void {
    this.#clogged.add(towards);
    for (const lane of this.#lanes) sourceOf(lane, towards).pause();
  }

  unclog(towards: Towards): void {
    this.#clogged.delete(towards);
    for (const lane of this.#lanes) {
      if (sinkOf(lane, towards).writableNeedDrain) continue;
      sourceOf(lane, towards).resume();
    }
  }

  close(): void {
    this.refuse();
    for (const lane of this.#lanes) end(lane);
  }

  #join(client: Socket): void {
    const server = connect(this.#target);
    const lane: Lane = { client, server, left: { client: Infinity, server: Infinity } };
    this.#lanes.add(lane);
    for (const socket of [client, server]) {
      socket.on('error', () => end(lane));
      socket.on('close', () => {
        this.#lanes.delete(lane);
        end(lane);
      });
    }
    this.#pass(lane, 'server');
    this.#pass(lane, 'client');
  }

  #pass(lane: Lane, towards: Towards): void {
    const [source, sink] = [sourceOf(lane, towards), sinkOf(lane, towards)];
    source.on('data', (chunk: Buffer) => {
      const bytes = Math.min(chunk.length, lane.left[towards]);
      lane.left[towards] -= bytes;
      const room = sink.write(chunk.subarray(0, bytes));
      if (lane.left[towards] === 0) return void sink.end(() => end(lane));
      if (!room) source.pause();
    });
    source.on('end', () => sink.end());
    sink.on('drain', () => {
      if (!this.#clogged.has(towards)) source.resume();
    });
    if (this.#clogged.has(towards)) source.pause();
  }
}

function sourceOf(lane: Lane, towards: Towards): Socket {
  return towards === 'server' ? lane.client : lane.server;
}

function sinkOf(lane: Lane, towards: Towards): Socket {
  return lane[towards];
}

function end({ client, server }: Lane): void {
  client.destroy();
  server.destroy();
}
