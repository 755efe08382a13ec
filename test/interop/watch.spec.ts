import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { DATA, encodeFrame, encodeRequest, REQUEST, RESPONSE } from './frames.js';
import { Watch } from './watch.js';

describe('Watch', () => {
  const EMPTY = Buffer.alloc(0);
  const ONE = Buffer.from('0801', 'hex');
  const open = encodeRequest('pkg.Service', 'Method');
  const full = encodeRequest('pkg.Service', 'Method', ONE);

  let folder: string;
  let peer: Socket;
  let client: Socket;
  let watch: Watch;
  const server = createServer();

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'ttrpc-'));
    const path = join(folder, 'watch.sock');
    await new Promise<void>((resolve) => server.listen(path, resolve));
    const accepted = new Promise<Socket>((resolve) => server.once('connection', resolve));
    watch = new Watch();
    client = await watch.dial(path);
    client.resume();
    peer = await accepted;
    peer.resume();
  });

  afterEach(async () => {
    client.destroy();
    peer.destroy();
    await new Promise((resolve) => server.close(resolve));
    rmSync(folder, { recursive: true });
  });

  function send(id: number, type: number, flags: number, payload: Buffer = EMPTY): void {
    client.write(encodeFrame({ id, type, flags, payload }));
  }

  async function receive(id: number, type: number, flags: number): Promise<void> {
    const arrived = new Promise((resolve) => client.once('data', resolve));
    peer.write(encodeFrame({ id, type, flags, payload: EMPTY }));
    await arrived;
  }

  it('finds nothing in calls of every shape', async () => {
    send(1, REQUEST, 0, full);
    send(3, REQUEST, 1, full);
    send(5, REQUEST, 6, open);
    await receive(3, DATA, 0);
    send(5, DATA, 0, ONE);
    send(5, DATA, 0);
    send(5, DATA, 5);
    await receive(5, RESPONSE, 0);
    expect(watch.violations).toEqual([]);
    expect(watch.sent).toBe(6);
  });

  it('finds a request that no server takes', () => {
    send(2, REQUEST, 0, full);
    send(1, REQUEST, 2, open);
    send(3, REQUEST, 6, full);
    expect(watch.violations).toEqual([
      expect.stringContaining('the stream id is even'),
      expect.stringContaining('the stream id is not above 2'),
      expect.stringContaining('a request has flags 0, 1 or 6'),
      expect.stringContaining('a remote-open request has no payload'),
    ]);
  });

  it('finds data where none belongs', () => {
    send(1, REQUEST, 0, full);
    send(1, DATA, 0, ONE);
    send(3, REQUEST, 1, full);
    send(3, DATA, 5);
    send(5, DATA, 0, ONE);
    send(7, RESPONSE, 0);
    expect(watch.violations).toEqual([
      expect.stringContaining('data on a unary stream'),
      expect.stringContaining('data after the half-close'),
      expect.stringContaining('data on a stream that was never opened'),
      expect.stringContaining('a client sends requests and data only'),
    ]);
  });

  it('finds a half-close with a payload, and what follows it', () => {
    send(1, REQUEST, 6, open);
    send(1, DATA, 1, ONE);
    send(1, DATA, 5, EMPTY);
    expect(watch.violations).toEqual([
      expect.stringContaining('data has flags 0 or 5'),
      expect.stringContaining('a half-close with a payload'),
      expect.stringContaining('data after the half-close'),
    ]);
  });

  it.each([
    ['a response', RESPONSE, 0],
    ["the data's end", DATA, 5],
  ])('finds what is sent after %s has arrived', async (_, type, flags) => {
    send(1, REQUEST, 6, open);
    send(1, DATA, 0, ONE);
    await receive(1, type, flags);
    send(1, DATA, 5);
    expect(watch.violations).toEqual([
      expect.stringContaining("data after the stream's final frame had arrived"),
    ]);
  });
});
