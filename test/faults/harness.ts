import { spawn, type ChildProcess } from 'node:child_process';
import { getEventListeners, once } from 'node:events';
import { readdirSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { expect, onTestFinished } from 'vitest';
import type { CallOptions, TtrpcClient } from '../../lib/engine/index.js';
import { until } from '../engine/harness.js';
import { Chat, Download, Unary, Upload } from '../rpc/text-service.js';

/** How often a call has ended, and how: with an error, or `undefined` when it went well. */
export interface Watched {
  readonly kind: string;
  readonly ends: unknown[];
  /** The signal that it was given, which nobody may listen to any more once it has ended. */
  readonly signal: AbortSignal;
}

/** Makes a call of each kind, on the level where an end could come twice. */
export function callAll(client: TtrpcClient, options: CallOptions = {}): Watched[] {
  const watched: Watched[] = [];
  const { signal } = new AbortController();
  const watch = (kind: string): ((end?: unknown) => void) => {
    const ends: unknown[] = [];
    watched.push({ kind, ends, signal });
    return (end) => void ends.push(end);
  };
  const unary = watch(Unary.kind);
  const watchedOptions = { ...options, signal };
  client.startUnary(Unary, 'a', {
    options: watchedOptions,
    resolve: () => unary(),
    reject: unary,
  });
  for (const method of [Download, Upload, Chat]) {
    const end = watch(method.kind);
    const listener = { onMessage() {}, onDrain() {}, onEnd: () => end(), onError: end };
    const call = client.startStream(method, {
      options: watchedOptions,
      listener,
      request: 'a',
    });
    if (method !== Download) call.send('a');
  }
  return watched;
}

/** Waits until each call has ended, and some turns more; each must have ended once, as `end` says. */
export async function expectOneEnd(calls: readonly Watched[], end: unknown): Promise<void> {
  await until(() => calls.every(({ ends }) => ends.length > 0));
  for (let turns = 0; turns < 5; turns++) await new Promise((resolve) => setImmediate(resolve));
  const ended = calls.map(({ kind, ends }) => ({ kind, ends }));
  expect(ended).toEqual(calls.map(({ kind }) => ({ kind, ends: [end] })));
  expect(calls.flatMap(({ signal }) => getEventListeners(signal, 'abort'))).toEqual([]);
}

/** What a process can leak: descriptors, sockets, and timers that keep it running. */
function resources(): Record<string, number> {
  const counts: Record<string, number> = { descriptors: 0 };
  if (process.platform === 'linux') counts['descriptors'] = readdirSync('/proc/self/fd').length;
  for (const name of process.getActiveResourcesInfo()) {
    if (/Timeout|Wrap/u.test(name)) counts[name] = (counts[name] ?? 0) + 1;
  }
  return counts;
}

/** Runs something, and then waits for everything that it used to be given back. */
export async function withoutLeaks(run: () => Promise<void>): Promise<void> {
  const before = resources();
  await run();
  const left = (): string[] =>
    Object.entries(resources())
      .filter(([name, count]) => count > (before[name] ?? 0))
      .map(([name]) => name);
  // A leak makes this wait longer than a test may take; timers of others come and go.
  await until(() => left().length === 0);
}

/** A server that speaks no ttrpc: it does with each connection what the test says. */
export async function rawServer(
  path: string,
  onSocket: (socket: Socket) => void,
): Promise<{ stop(): Promise<void> }> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    onSocket(socket);
  });
  server.listen(path);
  await once(server, 'listening');
  const stop = async (): Promise<void> => {
    if (!server.listening) return;
    for (const socket of sockets) socket.destroy();
    server.close();
    await once(server, 'close');
  };
  onTestFinished(stop);
  return { stop };
}

/** A Node process that runs `script` until the test ends; resolves with its first line of output. */
export async function runScript(
  script: string,
  command: readonly string[] = [process.execPath],
): Promise<{ child: ChildProcess; line: string }> {
  const [program, ...options] = command as [string, ...string[]];
  const child = spawn(program, [...options, '--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  const [chunk] = (await once(child.stdout, 'data')) as [Buffer];
  return { child, line: chunk.toString().trim() };
}
