import { spawn } from 'node:child_process';
import { getEventListeners, once } from 'node:events';
import { chmodSync, openSync, closeSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { pathToFileURL } from 'node:url';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { ConnectionError } from '../../lib/errors.js';
import type { Address } from '../../lib/transport/address.js';
import { dial } from '../../lib/transport/dial.js';
import { closed, hasTcpOptions, readBytes, rejection, startServer } from './sockets.js';
import { tempFolder } from './temp-folder.js';
import { unprivileged } from './unprivileged.js';
import { transpileLib } from './transpiled.js';

const at = tempFolder();
const PATIENT = { timeoutMs: 5000 };
const unix = (path: string): Address => ({ kind: 'unix', path });

async function failure(address: Address, options = PATIENT): Promise<ConnectionError> {
  const error = await rejection(dial(address, options));
  expect(error).toMatchObject({ kind: 'ttrpc.connection', reason: 'dial', requestWritten: false });
  return error as ConnectionError;
}

afterEach(() => void vi.restoreAllMocks());

describe('dial', () => {
  it('connects to a unix socket, in both directions', async () => {
    const running = await startServer(at('echo'), (socket) => void socket.pipe(socket));
    const socket = await dial(unix(at('echo')), PATIENT);
    socket.write('hello');
    expect(await readBytes(socket, 5)).toBe('hello');
    socket.destroy();
    await running.stop();
  });

  it('connects over TCP without delay, and with keep-alive probes', async () => {
    const server = createServer((socket) => socket.end('hi')).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const socket = await dial({ kind: 'tcp', host: '127.0.0.1', port }, PATIENT);
    expect(await readBytes(socket, 2)).toBe('hi');
    expect(hasTcpOptions(socket)).toBe(true);
    socket.destroy();
    server.close();
  });

  it('leaves bytes that arrive at once in the socket', async () => {
    const running = await startServer(at('greets'), (socket) => void socket.write('early'));
    const socket = await dial(unix(at('greets')), PATIENT);
    await new Promise((resolve) => setImmediate(resolve));
    expect(await readBytes(socket, 5)).toBe('early');
    socket.destroy();
    await running.stop();
  });

  it('says ENOENT and asks whether the server is running', async () => {
    const error = await failure(unix(at('nobody')));
    expect(error.message).toBe(
      `cannot connect to unix://${at('nobody')}: ENOENT, no such file (is the server running?)`,
    );
    expect(error.address).toBe(`unix://${at('nobody')}`);
    expect(error.cause).toMatchObject({ code: 'ENOENT', syscall: 'connect' });
  });

  it('says ECONNREFUSED for a file that nobody accepts on', async () => {
    writeFileSync(at('plain'), '');
    expect((await failure(unix(at('plain')))).message).toContain(
      ': ECONNREFUSED, nobody accepts connections there',
    );
  });

  it('says ECONNREFUSED for a TCP port that nobody listens on', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    server.close();
    await once(server, 'close');
    const error = await failure({ kind: 'tcp', host: '127.0.0.1', port });
    expect(error.message).toContain(`tcp://127.0.0.1:${port}: ECONNREFUSED`);
  });

  it('says EACCES for a socket that it may not use', async () => {
    const running = await startServer(at('locked'));
    chmodSync(at('.'), 0o755);
    chmodSync(at('locked'), 0);
    const error = await unprivileged(() => failure(unix(at('locked'))));
    expect(error.message).toContain('EACCES, permission denied');
    await running.stop();
  });

  it('refuses at once what the system cannot do', async () => {
    const error = await failure({ kind: 'pipe', path: String.raw`\\.\pipe\x` });
    expect(error.message).toContain('named pipes exist on Windows only');
    expect(error.cause).toBeUndefined();
  });

  it('refuses a descriptor that is no socket, or not open', async () => {
    const fd = openSync(at('file'), 'w');
    expect((await failure({ kind: 'fd', fd })).message).toContain(
      `fd:${fd}: ERR_INVALID_FD_TYPE, the descriptor is not a socket`,
    );
    closeSync(fd);
    expect((await failure({ kind: 'fd', fd: 9999 })).address).toBe('fd:9999');
  });

  it('gives up after its timeout, and closes the socket', async () => {
    const destroy = vi.spyOn((await import('node:net')).Socket.prototype, 'destroy');
    const running = await startServer(at('mute'));
    const error = await failure({ kind: 'hvsock', path: at('mute'), port: 1 }, { timeoutMs: 20 });
    expect(error.message).toBe(
      `cannot connect to hvsock://${at('mute')}:1: ETIMEDOUT, no answer within 20 ms`,
    );
    expect(error.cause).toMatchObject({ code: 'ETIMEDOUT' });
    const [socket] = destroy.mock.contexts as [Socket];
    expect(socket.destroyed).toBe(true);
    await running.stop();
  });

  it('gives up when its signal aborts, and leaves no listener on it', async () => {
    const running = await startServer(at('mute2'));
    const controller = new AbortController();
    const attempt = dial(
      { kind: 'hvsock', path: at('mute2'), port: 1 },
      { ...PATIENT, signal: controller.signal },
    );
    await once(running.server, 'connection');
    controller.abort(new Error('enough'));
    const error = await rejection(attempt);
    expect(error.message).toContain('given up by its signal');
    expect(error.cause).toEqual(new Error('enough'));
    expect(getEventListeners(controller.signal, 'abort')).toEqual([]);
    await closed(running.accepted[0] as Socket);
    await running.stop();
  });

  it('opens nothing when its signal has aborted before', async () => {
    const signal = AbortSignal.abort(new Error('never'));
    const error = await rejection(dial(unix(at('nobody')), { ...PATIENT, signal }));
    expect(error).toMatchObject({ kind: 'ttrpc.connection', cause: new Error('never') });
  });

  it('leaves no timer and no listener on the signal after it has connected', async () => {
    const running = await startServer(at('clean'));
    const clear = vi.spyOn(globalThis, 'clearTimeout');
    const set = vi.spyOn(globalThis, 'setTimeout');
    const { signal } = new AbortController();
    const socket = await dial(unix(at('clean')), { timeoutMs: 54_321, signal });
    const index = set.mock.calls.findIndex(([, ms]) => ms === 54_321);
    expect(clear.mock.calls.map(([timer]) => timer)).toContain(set.mock.results[index]?.value);
    expect(getEventListeners(signal, 'abort')).toEqual([]);
    expect(['connect', 'data', 'readable'].map((event) => socket.listenerCount(event))).toEqual([
      0, 0, 0,
    ]);
    socket.destroy();
    await running.stop();
  });

  it('survives an error of the socket that nobody has taken over yet', async () => {
    const running = await startServer(at('breaks'));
    const socket = await dial(unix(at('breaks')), PATIENT);
    socket.destroy(new Error('broken'));
    await closed(socket);
    expect(socket.errored).toEqual(new Error('broken'));
    await running.stop();
  });

  it('speaks over an inherited descriptor', async () => {
    const lib = transpileLib(at('lib'));
    writeFileSync(
      at('child.mjs'),
      `const { dial } = await import(${JSON.stringify(pathToFileURL(`${lib}/transport/dial.js`).href)});
      const socket = await dial({ kind: 'fd', fd: 3 }, { timeoutMs: 5000 });
      socket.on('data', (chunk) => socket.end('got ' + chunk));`,
    );
    const child = spawn(process.execPath, [at('child.mjs')], {
      stdio: ['ignore', 'inherit', 'inherit', 'pipe'],
    });
    const exited = once(child, 'exit');
    const socket = child.stdio[3] as Socket;
    socket.write('it');
    expect(await readBytes(socket, 6)).toBe('got it');
    socket.destroy();
    expect(await exited).toEqual([0, null]);
  });
});
