import { existsSync, mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { dirname, join } from 'node:path';
import { Controller } from '@nestjs/common';
import { GrpcMethod } from '@nestjs/microservices';
import { NEVER, startWith, type Observable } from 'rxjs';
import { describe, expect, it, vi } from 'vitest';
import {
  ConnectionError,
  ServerTtrpc,
  TTRPC_TRANSPORT,
  type TtrpcServerEvents,
} from '../../lib/index.js';
import { TtrpcServer } from '../../lib/engine/index.js';
import {
  all,
  connect,
  failure,
  ROOM,
  signal,
  socketPath,
  start,
  startInMemory,
  type Room,
  type Text,
} from './app.js';
import { HAS, NEEDS_NEWER_NEST } from './nest-features.js';

@Controller()
class Rooms {
  static slow = signal<Text>();
  static entered = signal();

  @GrpcMethod('RoomService')
  say({ text }: Text): Text | Promise<Text> {
    if (text !== 'slow') return { text: 'said' };
    Rooms.entered.resolve();
    return Rooms.slow.promise;
  }

  @GrpcMethod('RoomService')
  tell(): Observable<Text> {
    return NEVER.pipe(startWith({}));
  }
}

/** A server without an application. */
function bare(options: object = {}): ServerTtrpc {
  return new ServerTtrpc({ ...ROOM, url: `unix://${socketPath()}`, ...options });
}

function listen(server: ServerTtrpc): Promise<unknown> {
  return new Promise((resolve, reject) => {
    server.listen((error, address) => {
      if (error === null) resolve(address);
      else reject(error);
    });
  });
}

describe('ServerTtrpc', () => {
  it.runIf(HAS.transportServer)(
    `is what the application hands out ${NEEDS_NEWER_NEST}`,
    async () => {
      const { app, server } = await startInMemory([Rooms]);
      expect(app.getTransportServer()).toBe(server);
    },
  );

  it('gives the bound address to whoever listens', async () => {
    const { app, server, address, url } = await start([Rooms]);
    expect(address).toBe(url);
    expect(server.transportId).toBe(TTRPC_TRANSPORT);
    expect(app.unwrap<TtrpcServer>()).toBeInstanceOf(TtrpcServer);
    const tcp = await start([Rooms], { options: { url: 'tcp://127.0.0.1:0' } });
    expect(tcp.address).toMatch(/^tcp:\/\/127\.0\.0\.1:[1-9]\d*$/);
    const room = connect(tcp.address as string).getService<Room>('RoomService');
    expect(await all(room.say({}))).toEqual([{ text: 'said' }]);
  });

  it('rejects with the address and the system error when it can not listen', async () => {
    const url = `unix://${join(socketPath(), 'missing.sock')}`;
    const error = await start([Rooms], { options: { url } }).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(ConnectionError);
    expect((error as Error).message).toContain(url.slice('unix://'.length));
    expect((error as Error).message).toMatch(/ENOENT|no such/i);
  });

  it('may listen again after it could not', async () => {
    const folder = socketPath();
    const server = bare({ url: `unix://${join(folder, 'late.sock')}` });
    await expect(listen(server)).rejects.toThrow();
    expect(() => server.unwrap()).toThrow();
    mkdirSync(folder);
    expect(await listen(server)).toBe(`unix://${join(folder, 'late.sock')}`);
    await server.close();
  });

  it('replaces a stale socket file, refuses a live one, and removes its own', async () => {
    const { app, url } = await start([Rooms]);
    const path = url.slice('unix://'.length);
    await expect(listen(bare({ url }))).rejects.toThrow(path);
    expect(existsSync(path)).toBe(true);
    await app.close();
    expect(existsSync(path)).toBe(false);

    const crashed = createServer().listen(`${path}.crashed`);
    await once(crashed, 'listening');
    renameSync(`${path}.crashed`, path);
    crashed.close();
    await once(crashed, 'close');
    expect(existsSync(path)).toBe(true);
    const { room } = await start([Rooms], { options: { url } });
    expect(await all(room.say({}))).toEqual([{ text: 'said' }]);
  });

  it('leaves a file that is no socket alone', async () => {
    const path = socketPath();
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, 'precious');
    await expect(listen(bare({ url: `unix://${path}` }))).rejects.toThrow(path);
    expect(existsSync(path)).toBe(true);
  });

  it('closes before it listens, twice, and while it closes', async () => {
    await bare().close();
    const { server, url } = await start([Rooms]);
    const path = url.slice('unix://'.length);
    const both = [server.close(), server.close()];
    await both[1];
    expect(existsSync(path)).toBe(false);
    await Promise.all(both);
    await server.close();
    expect(() => server.unwrap()).toThrow('server is not listening: call listen()');
  });

  it('does not listen once it was closed meanwhile', async () => {
    const server = bare();
    const listening = listen(server);
    const [outcome] = await Promise.allSettled([listening, server.close()]);
    expect(outcome.status).toBe('rejected');
  });

  it('listens once at a time, and again after it was closed', async () => {
    const server = bare();
    await listen(server);
    await expect(listen(server)).rejects.toThrow('server is listening already');
    await server.close();
    await listen(server);
    await server.close();
  });

  it('says whether it takes calls', async () => {
    const seen: string[] = [];
    const { app } = await start([Rooms], {
      prepare: (prepared) => void prepared.status.subscribe((status) => seen.push(status)),
    });
    expect(seen).toEqual(['up']);
    await app.close();
    expect(seen).toEqual(['up', 'down']);
    const server = bare();
    server.status.subscribe((status) => seen.push(status));
    await listen(server);
    await server.close();
    expect(seen.slice(2)).toEqual(['up', 'down']);
  });

  it('tells of connections that come and go, through options and events alike', async () => {
    const options = { onConnect: vi.fn(), onClose: vi.fn() };
    const events: Record<string, unknown[][]> = { connect: [], close: [] };
    const { client, room } = await start([Rooms], {
      options,
      prepare: (app) => {
        for (const name of ['connect', 'close'] as const) {
          app.on<TtrpcServerEvents>(name, (...given: unknown[]) => events[name]?.push(given));
        }
      },
    });
    await all(room.say({}));
    await client.close();
    await vi.waitFor(() => expect(events['close']).toHaveLength(1));
    const [peer] = options.onConnect.mock.calls[0] as [unknown];
    expect(events['connect']).toEqual([[peer]]);
    expect(events['close']).toEqual([[peer, expect.any(ConnectionError)]]);
    expect(options.onClose).toHaveBeenCalledWith(peer, expect.any(ConnectionError));
  });

  it('tells of refused handshakes by event, and by option or log', async () => {
    const onError = vi.fn();
    const heard: Error[] = [];
    const handshake = (): never => {
      throw new Error('not you');
    };
    for (const options of [{ handshake }, { handshake, onError }]) {
      const { room, logger } = await start([Rooms], {
        options,
        prepare: (_, server) => server.on('error', (error: never) => heard.push(error)),
      });
      expect(await failure(room.say({}))).not.toBe('no failure');
      const logged = 'onError' in options ? onError.mock.calls.flat() : logger.errors;
      expect(String(logged[0])).toContain('not you');
      expect(logger.errors).toHaveLength('onError' in options ? 0 : 1);
    }
    expect(heard).toHaveLength(2);
  });

  it('logs what its listeners throw, and goes on', async () => {
    const raise = (): never => {
      throw new Error('listener');
    };
    const { room, client, server, logger } = await start([Rooms], {
      options: { onConnect: raise, onClose: raise },
      prepare: (_, ours) => {
        ours.on('connect', raise);
        ours.on('close', raise);
      },
    });
    expect(await all(room.say({}))).toEqual([{ text: 'said' }]);
    await client.close();
    await server.close();
    await vi.waitFor(() => expect(logger.errors.map(String)).toHaveLength(4));
  });

  it('breaks off calls when it closes, unless it is to close gracefully', async () => {
    const { room, app } = await start([Rooms]);
    Rooms.entered = signal();
    const outcome = failure(room.say({ text: 'slow' }));
    await Rooms.entered.promise;
    await app.close();
    expect(await outcome).toMatch(/connection|closed/);
  });

  it('lets calls end when it closes gracefully', async () => {
    const { room, app } = await start([Rooms], { options: { gracefulShutdown: true } });
    Rooms.entered = signal();
    Rooms.slow = signal();
    const outcome = all(room.say({ text: 'slow' }));
    await Rooms.entered.promise;
    const closing = app.close();
    Rooms.slow.resolve({ text: 'in time' });
    expect(await outcome).toEqual([{ text: 'in time' }]);
    await closing;
  });

  it('breaks off what takes longer than graceMs', async () => {
    const { room, app } = await start([Rooms], {
      options: { gracefulShutdown: true, graceMs: 30 },
    });
    const first = signal();
    const outcome = new Promise<string>((resolve) => {
      room.tell({}).subscribe({
        next: () => first.resolve(),
        error: (error: Error) => resolve(error.message),
      });
    });
    await first.promise;
    await app.close();
    expect(await outcome).toMatch(/connection|closed/);
  });

  it('gives the handshake attachment to handlers, and the limits to the engine', async () => {
    let attachment: unknown;
    @Controller()
    class Attached {
      @GrpcMethod('RoomService')
      say(_request: Text, _metadata: unknown, call: { peer: { attachment: unknown } }): Text {
        attachment = call.peer.attachment;
        return { text: 'x'.repeat(5000) };
      }
    }
    const { room } = await start([Attached], {
      options: { handshake: () => ({ user: 'ada' }), maxPayloadBytes: 4096 },
    });
    expect(await failure(room.say({}))).toMatch(/^8 RESOURCE_EXHAUSTED/);
    expect(attachment).toEqual({ user: 'ada' });
  });

  it('tells unknown errors only on demand', async () => {
    @Controller()
    class Rejecting {
      @GrpcMethod('RoomService')
      say(): Observable<unknown> {
        return NEVER.pipe(startWith(Promise.reject(new Error('told'))));
      }
    }
    const hiding = await start([Rejecting]);
    expect(await failure(hiding.room.say({}))).toBe('2 UNKNOWN: Internal server error');
    expect(hiding.logger.errors.map(String)).toEqual(['Error: told']);
    const telling = await start([Rejecting], { options: { exposeErrorMessages: true } });
    expect(await failure(telling.room.say({}))).toBe('2 UNKNOWN: told');
  });
});
