import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { gunzipSync } from 'node:zlib';

/** What @nestjs/observe reports of one operation: the keys are its own short ones. */
export interface Snapshot {
  /** The transport. */
  readonly p: string;
  /** The operation's name. */
  readonly op: string;
  /** The trace's id. */
  readonly ti: string;
}

/** Stands where @nestjs/observe's agent sends its reports to. */
export class Collector {
  readonly snapshots: Snapshot[] = [];
  readonly #server = createServer((request, response) => {
    void this.#take(request).then(() => response.end('{}'));
  });

  async listen(): Promise<string> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  close(): Promise<unknown> {
    this.#server.closeAllConnections();
    return new Promise((done) => this.#server.close(done));
  }

  async #take(request: IncomingMessage): Promise<void> {
    const body = gunzipSync(await buffer(request));
    const { snapshots = [] } = JSON.parse(body.toString()) as { snapshots?: Snapshot[] };
    this.snapshots.push(...snapshots);
  }
}
