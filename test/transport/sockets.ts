import { once } from 'node:events';
import { createServer, connect, type Server, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';

/** A plain server on a unix path, and what it accepted. */
export async function startServer(
  path: string,
  onSocket: (socket: Socket) => void = () => {},
): Promise<{ server: Server; accepted: Socket[]; stop(): Promise<void> }> {
  const accepted: Socket[] = [];
  const server = createServer((socket) => {
    accepted.push(socket);
    socket.on('error', () => {});
    onSocket(socket);
  });
  server.listen(path);
  await once(server, 'listening');
  return {
    server,
    accepted,
    async stop() {
      for (const socket of accepted) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

/** Two ends of one unix connection, unread. */
export async function socketPair(
  path: string,
): Promise<{ near: Socket; far: Socket; stop(): Promise<void> }> {
  const running = await startServer(path);
  const near = connect(path);
  near.on('error', () => {});
  await Promise.all([once(near, 'connect'), once(running.server, 'connection')]);
  const [far] = running.accepted as [Socket];
  return {
    near,
    far,
    async stop() {
      near.destroy();
      await running.stop();
    },
  };
}

/** Resolves when the stream has emitted `close`, also when it has already. */
export async function closed(stream: Duplex): Promise<void> {
  if (!stream.closed) await new Promise((resolve) => stream.once('close', resolve));
  // A stream says that it is closed before the event: by a tick, a net.Socket by a turn.
  for (let turns = 0; turns < 2; turns++) await new Promise((resolve) => setImmediate(resolve));
}

/** How many listeners there are, by event. */
export function listenerCounts(stream: Duplex): Record<string, number> {
  return Object.fromEntries(
    stream.eventNames().map((event) => [String(event), stream.listenerCount(event)]),
  );
}

/** The first `length` bytes that come out of a stream. */
export async function readBytes(stream: Duplex, length: number): Promise<string> {
  let text = '';
  while (text.length < length) {
    const chunk = stream.read() as Buffer | null;
    if (chunk === null) await once(stream, 'readable');
    else text += chunk.toString('latin1');
  }
  return text;
}

/** What a promise was rejected with. */
export async function rejection(promise: Promise<unknown>): Promise<Error> {
  try {
    await promise;
  } catch (error) {
    return error as Error;
  }
  throw new Error('it was expected to reject');
}

/** Whether the system was asked for no Nagle's delay and for keep-alive probes after 15 s. */
export function hasTcpOptions(socket: Duplex): boolean {
  // Node keeps what it has set, or will set once connected, under symbols.
  const set = new Map(
    Object.getOwnPropertySymbols(socket).map((symbol) => [
      symbol.description,
      (socket as unknown as Record<symbol, unknown>)[symbol],
    ]),
  );
  return (
    set.get('kSetNoDelay') === true &&
    set.get('kSetKeepAlive') === true &&
    set.get('kSetKeepAliveInitialDelay') === 15
  );
}
