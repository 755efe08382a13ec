import { mkdtempSync, rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, describe, expect, inject, it } from 'vitest';

import { DATA, encodeFrame, encodeRequest, FrameCutter, REQUEST, type Frame } from './frames.js';
import { PeerServer } from './peer-process.js';
import { PEERS } from './peers.js';
import { INTEROP } from './service.js';

const leftOut = inject('leftOut');
const folder = mkdtempSync(join(tmpdir(), 'ttrpc-'));

afterAll(() => rmSync(folder, { recursive: true }));

const EMPTY = Buffer.alloc(0);
/** A message whose field 1 is the varint 1. */
const ONE = Buffer.from('08 01'.replaceAll(' ', ''), 'hex');
/** A pause of 60,000 ms. */
const MINUTE = Buffer.from('08 e0 d4 03'.replaceAll(' ', ''), 'hex');

/** What our client never sends, and the servers of which the whole process dies of it. */
const HAZARDS = [
  {
    hazard: 'a message on a unary stream',
    streams: false,
    fatalFor: ['go 1.2.2', 'go 1.2.8', 'go 1.2.9', 'go 1.2.10'],
    async provoke(raw: RawClient, server: PeerServer) {
      raw.send(1, REQUEST, 0, encodeRequest(INTEROP.name, 'Sleep', MINUTE));
      await server.log.until('sleep started');
      raw.send(1, DATA, 0, ONE);
    },
  },
  {
    hazard: "a message after the stream's end",
    streams: true,
    fatalFor: ['go 1.2.2'],
    async provoke(raw: RawClient) {
      await raw.endStream();
      raw.send(1, DATA, 0, ONE);
    },
  },
  {
    hazard: "a half-close after the stream's end",
    streams: true,
    fatalFor: ['go 1.2.2'],
    async provoke(raw: RawClient) {
      await raw.endStream();
      raw.send(1, DATA, 5, EMPTY);
    },
  },
];

// Says why the rules that interop.spec.ts watches over are there, and when one of them may go.
describe.each(PEERS.filter(({ name }) => leftOut[name] === undefined))('$name', (peer) => {
  for (const { hazard, streams, fatalFor, provoke } of HAZARDS) {
    if (streams && !peer.streams) continue;
    const fatal = fatalFor.includes(peer.name);
    it(`${fatal ? 'dies of' : 'survives'} ${hazard}`, async () => {
      const path = join(
        folder,
        `${peer.name} ${HAZARDS.findIndex((one) => one.hazard === hazard)}`,
      );
      const server = await PeerServer.start(peer, path);
      const raw = await RawClient.connect(path);
      await provoke(raw, server);
      const answered = await raw.echo(5);
      if (fatal) await server.died();
      expect({ answered, alive: server.alive }).toEqual({ answered: !fatal, alive: !fatal });
      raw.close();
      await server.stop();
    });
  }
});

describe('the hazards', () => {
  it('are written down for peers that exist', () => {
    const names = PEERS.map(({ name }) => name);
    for (const { fatalFor } of HAZARDS) expect(names).toEqual(expect.arrayContaining(fatalFor));
  });
});

/** Sends frames of any kind. */
class RawClient {
  readonly #socket: Socket;
  readonly #received: Frame[] = [];
  #closed = false;
  #changed: (() => void) | undefined;

  private constructor(socket: Socket) {
    this.#socket = socket;
    const cutter = new FrameCutter();
    socket.on('data', (chunk: Buffer) => {
      this.#received.push(...cutter.cut(chunk));
      this.#changed?.();
    });
    socket.on('error', () => undefined);
    socket.on('close', () => {
      this.#closed = true;
      this.#changed?.();
    });
  }

  static async connect(path: string): Promise<RawClient> {
    const socket = connect(path);
    await new Promise((resolve, reject) => socket.once('connect', resolve).once('error', reject));
    return new RawClient(socket);
  }

  send(id: number, type: number, flags: number, payload: Buffer): void {
    this.#socket.write(encodeFrame({ id, type, flags, payload }));
  }

  /** Opens stream 1 and has the server end it; an answer to a later call says that it has. */
  async endStream(): Promise<void> {
    this.send(1, REQUEST, 6, encodeRequest(INTEROP.name, 'First'));
    this.send(1, DATA, 0, ONE);
    await this.#answered(1);
    await this.echo(3);
  }

  /** Whether the server answers one more call. */
  echo(id: number): Promise<boolean> {
    this.send(id, REQUEST, 0, encodeRequest(INTEROP.name, 'Echo', ONE));
    return this.#answered(id);
  }

  close(): void {
    this.#socket.destroy();
  }

  /** Resolves when a frame for the stream has come, or none can any more. */
  async #answered(id: number): Promise<boolean> {
    for (;;) {
      if (this.#received.some((frame) => frame.id === id)) return true;
      if (this.#closed) return false;
      await new Promise<void>((resolve) => (this.#changed = resolve));
    }
  }
}
