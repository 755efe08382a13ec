import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { Duplex } from 'node:stream';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, it, onTestFinished } from 'vitest';
import { Unary } from '../rpc/text-service.js';
import { transpileLib } from '../transport/transpiled.js';
import { ECHO, makeClient, makeServer } from './harness.js';

/** What the engine's client needs. */
const ROOMS = ['.', 'spec', 'wire', 'protocol', 'rpc', 'transport', 'engine'];

const SPENT =
  'cannot connect to fd:3: a file descriptor gives one connection, which has been made or tried;' +
  ' another one needs a new client';

/** A program with a client on its descriptor 3: it calls, and waits for a connection to call again. */
const program = (lib: string): string => {
  const file = (path: string): string => JSON.stringify(pathToFileURL(`${lib}/${path}`).href);
  return `
    const { TtrpcClient } = await import(${file('engine/client.js')});
    const { payloadCodec } = await import(${file('rpc/payload-codec.js')});
    const text = payloadCodec({
      encode: (value) => Buffer.from(value),
      decode: (bytes) => Buffer.from(bytes).toString(),
    });
    const method = { service: 'test.Text', name: 'Unary', kind: 'unary', request: text, response: text };
    let lost;
    const gone = new Promise((resolve) => (lost = resolve));
    const client = new TtrpcClient({ address: 'fd:3', onClose: lost });
    console.log(await client.unary(method, 'a'));
    await gone;
    for (let n = 0; n < 2; n++) {
      const error = await client.unary(method, 'b', { waitForReady: true }).catch((error) => error);
      console.log(error.code + ' ' + error.message);
    }
    await client.close();`;
};

it('makes one connection of a descriptor, and tells whoever waits for another', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'ttrpc-descriptor-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, 'child.mjs');
  writeFileSync(file, program(transpileLib(join(folder, 'lib'), ROOMS)));
  const child = spawn(process.execPath, [file], { stdio: ['ignore', 'pipe', 'inherit', 'pipe'] });
  onTestFinished(() => void child.kill());
  const exited = once(child, 'exit');
  const socket = child.stdio[3] as Duplex;
  await makeServer(ECHO).serve(socket);
  const lines = (child.stdout as NodeJS.ReadableStream).setEncoding('utf8')[Symbol.asyncIterator]();
  let output = '';
  for (let part = await lines.next(); part.done !== true; part = await lines.next()) {
    output += String(part.value);
    if (output === 'echo a\n') socket.destroy();
  }
  expect(output.split('\n')[0]).toBe('echo a');
  expect(output).toContain(`14 ${SPENT}`);
  expect(output.match(/descriptor/g)?.length).toBe(2);
  expect(await exited).toEqual([0, null]);
});

it('lets no call wait for a descriptor that is no connection', async () => {
  const client = makeClient({
    address: 'fd:9999',
    waitForReady: true,
    reconnect: { initialMs: 1 },
  });
  await expect(client.unary(Unary, '')).rejects.toMatchObject({ reason: 'dial', code: 14 });
  await expect(client.connect()).rejects.toThrow(SPENT.replace('fd:3', 'fd:9999'));
});
