import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { Duplex, Transform } from 'node:stream';
import { join } from 'node:path';
import { once } from 'node:events';
import { setImmediate as nextTurn } from 'node:timers/promises';

import { afterAll, describe, expect, it } from 'vitest';

import { checkClient, checkServer } from './check.js';
import { CLIENT_RULES } from './client-rules.js';
import { callWithOurs } from '../interop/our-client.js';
import { playToServer } from './play.js';
import type { ServerRule } from './rule.js';
import { OurServer } from '../interop/our-server.js';
import { Watch } from '../interop/watch.js';
import { SERVER_RULES } from './server-rules.js';

const folder = mkdtempSync(join(tmpdir(), 'ttrpc-'));
afterAll(() => rmSync(folder, { recursive: true }));

const dial = (path: string) => async () => {
  const socket = connect(path);
  await once(socket, 'connect');
  return socket;
};

describe('the conformance kit', () => {
  it('finds nothing wrong with our server', async () => {
    const path = join(folder, 'server.sock');
    const server = await OurServer.start(path);
    const verdicts = await checkServer(dial(path), { streams: true });
    await server.stop();
    expect(verdicts.filter(({ deviation }) => deviation !== undefined)).toEqual([]);
    expect(verdicts).toHaveLength(SERVER_RULES.length);
  });

  it('finds nothing wrong with our client', async () => {
    const path = join(folder, 'client.sock');
    const verdicts = await checkClient(
      { path },
      ({ scenario, options }) => callWithOurs(path, scenario, options, new Watch()),
      { streams: true },
    );
    expect(verdicts.filter(({ deviation }) => deviation !== undefined)).toEqual([]);
    expect(verdicts).toHaveLength(CLIENT_RULES.length);
  });

  it('waits for the rest of a frame of which it has a piece', async () => {
    const path = join(folder, 'drip.sock');
    const server = await OurServer.start(path);
    const connectDripping = async () => {
      const socket = await dial(path)();
      const drips = new Transform({
        async transform(chunk: Buffer, _, done) {
          for (const byte of chunk) {
            this.push(Buffer.of(byte));
            await nextTurn();
          }
          done();
        },
      });
      return Duplex.from({ writable: socket, readable: socket.pipe(drips) });
    };
    const [rule] = SERVER_RULES;
    expect(await playToServer(rule as ServerRule, connectDripping)).toBeUndefined();
    await server.stop();
  });

  it('tells what a server did instead, by every rule', async () => {
    const path = join(folder, 'wrong.sock');
    const server = createServer((socket) => socket.destroy()).listen(path);
    await once(server, 'listening');
    const verdicts = await checkServer(dial(path), { streams: true });
    server.close();
    // To close the connection is right by some, to serve no other is not.
    expect(verdicts.filter(({ deviation }) => deviation === undefined)).toEqual([]);
    expect(verdicts[0]?.deviation).toEqual({
      expected: 'response 1 OK 0a0161',
      got: 'the connection is closed',
    });
  });

  it('has a name of its own for every rule', () => {
    for (const rules of [SERVER_RULES, CLIENT_RULES]) {
      expect(new Set(rules.map(({ id }) => id)).size).toBe(rules.length);
    }
  });
});
