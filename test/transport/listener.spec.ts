import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { Server, Socket, connect, createServer } from 'node:net';
import type { Duplex } from 'node:stream';
import { pathToFileURL } from 'node:url';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { ConnectionError } from '../../lib/errors.js';
import { parseAddress, type Address } from '../../lib/transport/address.js';
import { dial } from '../../lib/transport/dial.js';
import { listen, type Listener, type ListenerOptions } from '../../lib/transport/listener.js';
import { unsupportedReason } from '../../lib/transport/platform.js';
import { closed, hasTcpOptions, readBytes, rejection, startServer } from './sockets.js';
import { tempFolder } from './temp-folder.js';
import { unprivileged } from './unprivileged.js';
import { transpileLib } from './transpiled.js';

const at = tempFolder();
const unix = (path: string): Address => ({ kind: 'unix', path });

afterEach(() => void vi.restoreAllMocks());

const greet = (socket: Duplex): void => void socket.end('hi');

async function answers(address: string): Promise<void> {
  const socket = await dial(parseAddress(address), { timeoutMs: 5000 });
  expect(await readBytes(socket, 2)).toBe('hi');
  socket.destroy();
}

async function failure(address: Address, options?: ListenerOptions): Promise<ConnectionError> {
  const error = await rejection(listen(address, greet, options));
  expect(error).toMatchObject({ kind: 'ttrpc.connection', reason: 'dial' });
  return error as ConnectionError;
}

/** The file that a server leaves behind when it crashes. */
async function leaveStale(path: string): Promise<void> {
  const server = createServer().listen(`${path}.live`);
  await once(server, 'listening');
  renameSync(`${path}.live`, path);
  server.close();
  await once(server, 'close');
}

/** Lets the next attempt to connect fail in a way that takes a race, or another kind of socket. */
function probeFailsWith(code: string, meanwhile: () => void = () => {}): void {
  vi.spyOn(Socket.prototype, 'connect').mockImplementationOnce(function (this: Socket) {
    Object.assign(this, { connecting: true });
    meanwhile();
    process.nextTick(() => this.destroy(Object.assign(new Error(code), { code })));
    return this;
  });
}

describe('listen', () => {
  it('hands over the connections made to a unix socket, and removes its file on close', async () => {
    const listener = await listen(unix(at('plain')), greet);
    expect(listener.address).toBe(`unix://${at('plain')}`);
    await answers(listener.address);
    await listener.close();
    expect(existsSync(at('plain'))).toBe(false);
  });

  it('says which TCP port the system chose, and accepts without delay and with keep-alive probes', async () => {
    let asked = false;
    const listener = await listen({ kind: 'tcp', host: '127.0.0.1', port: 0 }, (socket) => {
      asked = hasTcpOptions(socket);
      greet(socket);
    });
    expect(listener.address).toMatch(/^tcp:\/\/127\.0\.0\.1:[1-9]\d*$/);
    await answers(listener.address);
    expect(asked).toBe(true);
    await listener.close();
  });

  it('listens on an abstract socket, or says what this system lacks for one', async () => {
    const name = `ttrpc-test-${process.pid}`;
    const lack = unsupportedReason({ kind: 'abstract', name });
    if (lack !== undefined) {
      expect((await failure({ kind: 'abstract', name })).message).toContain(lack);
      return;
    }
    const listener = await listen({ kind: 'abstract', name }, greet);
    expect(listener.address).toBe(`unix:@${name}`);
    expect(readFileSync('/proc/net/unix', 'latin1')).toMatch(new RegExp(`@${name}$`, 'm'));
    await answers(listener.address);
    await listener.close();
  });

  it('listens on an inherited descriptor', async () => {
    const lib = transpileLib(at('lib'));
    writeFileSync(
      at('child.mjs'),
      `const { listen } = await import(${JSON.stringify(pathToFileURL(`${lib}/transport/listener.js`).href)});
      const listener = await listen({ kind: 'fd', fd: 3 }, (socket) => {
        socket.end('hi');
        void listener.close();
      });
      console.log(listener.address);`,
    );
    const { server, stop } = await startServer(at('inherited'));
    const { fd } = (server as unknown as { _handle: { fd: number } })._handle;
    const child = spawn(process.execPath, [at('child.mjs')], {
      stdio: ['ignore', 'pipe', 'inherit', fd],
    });
    const exited = once(child, 'exit');
    const [line] = (await once(child.stdout as NodeJS.ReadableStream, 'data')) as [Buffer];
    expect(line.toString()).toBe('fd:3\n');
    renameSync(at('inherited'), at('handed-over'));
    await stop();
    await answers(`unix://${at('handed-over')}`);
    expect(await exited).toEqual([0, null]);
    expect(existsSync(at('handed-over'))).toBe(true);
  });

  it('refuses a descriptor that cannot listen', async () => {
    expect((await failure({ kind: 'fd', fd: 9999 })).message).toBe(
      'cannot listen on fd:9999: EINVAL, the descriptor is not a socket that can listen',
    );
  });

  it('refuses hybrid vsock, and what the system cannot do', async () => {
    expect((await failure({ kind: 'hvsock', path: '/x', port: 1 })).message).toContain(
      'cannot listen on hvsock:///x:1: hybrid vsock can only be dialed',
    );
    const pipe: Address = { kind: 'pipe', path: String.raw`\\.\pipe\x` };
    expect((await failure(pipe)).message).toContain('named pipes exist on Windows only');
  });

  it('replaces the socket file of a server that has crashed', async () => {
    await leaveStale(at('stale'));
    const listener = await listen(unix(at('stale')), greet);
    await answers(listener.address);
    await listener.close();
  });

  it('refuses the socket of a server that lives, and leaves it alone', async () => {
    const accepted: Duplex[] = [];
    const first = await listen(unix(at('live')), (socket) => {
      accepted.push(socket);
      greet(socket);
      socket.resume();
    });
    const error = await failure(unix(at('live')));
    expect(error.message).toBe(
      `cannot listen on unix://${at('live')}: EADDRINUSE, another server accepts connections on it`,
    );
    expect(error.cause).toMatchObject({ code: 'EADDRINUSE' });
    await vi.waitFor(() => expect(accepted).toHaveLength(1));
    await closed(accepted[0] as Duplex);
    await answers(first.address);
    await first.close();
  });

  it('refuses a path that is not a socket, and leaves it alone', async () => {
    writeFileSync(at('precious'), 'data');
    mkdirSync(at('folder'));
    for (const path of [at('precious'), at('folder')]) {
      expect((await failure(unix(path))).message).toContain(
        'a file that is not a socket is in the way; it was left alone',
      );
    }
    expect(readFileSync(at('precious'), 'utf8')).toBe('data');
    expect(statSync(at('folder')).isDirectory()).toBe(true);
  });

  it('refuses a socket of which it cannot tell whether somebody uses it', async () => {
    await leaveStale(at('odd'));
    probeFailsWith('EPROTOTYPE');
    expect((await failure(unix(at('odd')))).message).toContain('cannot be told (EPROTOTYPE)');
    expect(lstatSync(at('odd')).isSocket()).toBe(true);
  });

  it('leaves the socket of a server that was faster in replacing a stale one', async () => {
    await leaveStale(at('race'));
    const winner = await startServer(at('winner'), greet);
    probeFailsWith('ECONNREFUSED', () => renameSync(at('winner'), at('race')));
    expect((await failure(unix(at('race')))).message).toContain('EADDRINUSE');
    await answers(`unix://${at('race')}`);
    await winner.stop();
  });

  it('leaves a socket that has got the number of the stale one', async () => {
    await leaveStale(at('reused'));
    probeFailsWith('ECONNREFUSED', () => utimesSync(at('reused'), 1, 1));
    expect((await failure(unix(at('reused')))).message).toContain('EADDRINUSE');
    expect(lstatSync(at('reused')).isSocket()).toBe(true);
  });

  it('takes a path that has become free by itself', async () => {
    await leaveStale(at('free'));
    probeFailsWith('ENOENT', () => renameSync(at('free'), at('elsewhere')));
    const listener = await listen(unix(at('free')), greet);
    await answers(listener.address);
    await listener.close();
  });

  it('names a folder that does not exist', async () => {
    const error = await failure(unix(at('missing/x')));
    expect(error.message).toBe(
      `cannot listen on unix://${at('missing/x')}: ENOENT, the folder ${at('missing')} does not exist`,
    );
    expect(error.cause).toBeInstanceOf(Error);
  });

  it('says EACCES for a folder that it may not write', async () => {
    mkdirSync(at('shut'));
    chmodSync(at('.'), 0o755);
    chmodSync(at('shut'), 0o555);
    const error = await unprivileged(() => failure(unix(at('shut/x'))));
    expect(error.message).toContain('EACCES, permission denied');
  });

  it('says EADDRINUSE for a TCP port that is taken', async () => {
    const first = await listen({ kind: 'tcp', host: '127.0.0.1', port: 0 }, greet);
    const error = await failure(parseAddress(first.address));
    expect(error.message).toBe(
      `cannot listen on ${first.address}: EADDRINUSE, the address is in use`,
    );
    await first.close();
  });

  it.each([0o600, 0o666])('gives the socket its mode before anybody is told', async (mode) => {
    const path = at(`mode${mode}`);
    const listener = await listen(unix(path), greet, { mode });
    expect(statSync(path).mode & 0o777).toBe(mode);
    await listener.close();
  });

  it('leaves nothing behind when the mode cannot be set', async () => {
    await expect(listen(unix(at('badmode')), greet, { mode: -1 })).rejects.toThrow('cannot listen');
    expect(existsSync(at('badmode'))).toBe(false);
  });

  it('does not set the mode of a file that is not its own', async () => {
    writeFileSync(at('theirs'), '', { mode: 0o640 });
    await failure(unix(at('theirs')), { mode: 0o777 });
    expect(statSync(at('theirs')).mode & 0o777).toBe(0o640);
  });

  it.each([true, false])('survives an error of accepting (onError given: %s)', async (given) => {
    const seen: Error[] = [];
    const servers = vi.spyOn(Server.prototype, 'listen');
    const listener = await listen(
      unix(at(`emfile${given}`)),
      greet,
      given ? { onError: (error) => void seen.push(error) } : {},
    );
    const [server] = servers.mock.contexts as [Server];
    server.emit('error', new Error('EMFILE'));
    expect(seen).toEqual(given ? [new Error('EMFILE')] : []);
    await answers(listener.address);
    await listener.close();
  });

  it('survives an error of a connection that nobody has taken over', async () => {
    const accepted: Duplex[] = [];
    const listener = await listen(unix(at('breaks')), (socket) => void accepted.push(socket));
    const client = connect(at('breaks'));
    await once(client, 'connect');
    await vi.waitFor(() => expect(accepted).toHaveLength(1));
    const [socket] = accepted as [Duplex];
    socket.destroy(new Error('broken'));
    await closed(socket);
    client.destroy();
    await listener.close();
  });
});

describe('Listener', () => {
  it('closes without waiting for its connections, which go on', async () => {
    const accepted: Duplex[] = [];
    const listener = await listen(unix(at('busy')), (socket) => void accepted.push(socket));
    const client = connect(at('busy'));
    await once(client, 'connect');
    await vi.waitFor(() => expect(accepted).toHaveLength(1));
    await listener.close();
    expect(existsSync(at('busy'))).toBe(false);
    accepted[0]?.end('hi');
    expect(await readBytes(client, 2)).toBe('hi');
    client.destroy();
  });

  it('accepts no more, and frees its port at once', async () => {
    const first = await listen({ kind: 'tcp', host: '127.0.0.1', port: 0 }, () => {});
    const client = await dial(parseAddress(first.address), { timeoutMs: 5000 });
    await first.close();
    await expect(dial(parseAddress(first.address), { timeoutMs: 5000 })).rejects.toThrow(
      'ECONNREFUSED',
    );
    const second = await listen(parseAddress(first.address), greet);
    await answers(second.address);
    await second.close();
    client.destroy();
  });

  it('closes once, however often it is asked', async () => {
    const listener: Listener = await listen(unix(at('twice')), greet);
    const closing = listener.close();
    expect(listener.close()).toBe(closing);
    await closing;
    await listener.close();
  });

  it('leaves the socket of a server that has taken its place', async () => {
    const first = await listen(unix(at('shared')), () => {});
    renameSync(at('shared'), at('moved'));
    const second = await listen(unix(at('shared')), greet);
    await first.close();
    await answers(second.address);
    await second.close();
    expect(readdirSync(at('.')).filter((name) => name.startsWith('shared'))).toEqual([]);
  });

  it('does not mind that its file is gone', async () => {
    const listener = await listen(unix(at('gone')), greet);
    renameSync(at('gone'), at('gone2'));
    await listener.close();
    expect(existsSync(at('gone2'))).toBe(true);
  });
});
