import type { Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import { dial } from '../../lib/transport/dial.js';
import { closed, listenerCounts, readBytes, rejection, startServer } from './sockets.js';
import { tempFolder } from './temp-folder.js';

const at = tempFolder();

/** A monitor that answers a CONNECT with `pieces`, one turn each, and says what it was asked. */
async function monitor(
  path: string,
  pieces: readonly string[],
): Promise<{ asked: () => string; closed(): Promise<void>; stop(): Promise<void> }> {
  let asked = '';
  const running = await startServer(path, (socket: Socket) => {
    socket.on('data', (chunk) => {
      asked += chunk.toString();
      if (asked.endsWith('\n')) void answer(socket, pieces);
    });
  });
  return {
    asked: () => asked,
    closed: () => closed(running.accepted[0] as Socket),
    stop: () => running.stop(),
  };
}

async function answer(socket: Socket, pieces: readonly string[]): Promise<void> {
  for (const piece of pieces) {
    if (piece === 'END') socket.end();
    else socket.write(piece);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

const connect = (path: string): ReturnType<typeof dial> =>
  dial({ kind: 'hvsock', path, port: 1024 }, { timeoutMs: 5000 });

describe('greetHybridVsock', () => {
  it.each([
    ['whole', ['OK 1073741824\n']],
    ['with the first frames behind it', ['OK 1073741824\nframes']],
    ['byte by byte', ['O', 'K', ' ', '1', '\n', 'f', 'r']],
    ['cut before the newline', ['OK 1', '\nframes']],
    ['of 64 bytes', [`OK${' '.repeat(61)}\nframes`]],
    ['with a chunk that is longer than an answer may be', [`OK 1\n${'x'.repeat(500)}`]],
  ])('asks for the port and leaves what comes behind an answer %s', async (_, pieces) => {
    const path = at(`ok${Math.random()}`);
    const peer = await monitor(path, pieces);
    const socket = await connect(path);
    expect(peer.asked()).toBe('CONNECT 1024\n');
    expect(listenerCounts(socket)['readable']).toBeUndefined();
    expect(socket.readableFlowing).toBe(null);
    const behind = pieces.join('').split('\n')[1] as string;
    expect(await readBytes(socket, behind.length)).toBe(behind);
    socket.destroy();
    await peer.stop();
  });

  it.each([
    ['a refusal', ['NO\n'], 'the monitor answered "NO" instead of OK'],
    ['64 bytes without a newline', ['OK'.padEnd(64)], 'longer than 64 bytes'],
    ['a newline behind 64 bytes', [`${'OK'.padEnd(64)}\n`], 'longer than 64 bytes'],
    ['the end', ['END'], 'closed the connection unanswered'],
  ])('fails on %s', async (_, pieces, problem) => {
    const path = at(`no${Math.random()}`);
    const peer = await monitor(path, pieces);
    const error = await rejection(connect(path));
    expect(error).toMatchObject({ kind: 'ttrpc.connection', reason: 'dial' });
    expect(error.message).toContain(`hvsock://${path}:1024: `);
    expect(error.message).toContain(problem);
    await peer.closed();
    await peer.stop();
  });
});
