import { Controller, Inject, Injectable, Module, type OnModuleDestroy } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { GrpcMethod } from '@nestjs/microservices';
import { describe, expect, it } from 'vitest';
import { ClientTtrpc, ServerTtrpc, type ServerTtrpcOptions } from '../../lib/index.js';
import { createMemoryTransport } from '../../lib/testing/index.js';
import { all, closeLater, failure, ROOM, signal, turn, type Room, type Text } from './app.js';

/** What handlers need, and Nest destroys with its module. */
@Injectable()
class Store implements OnModuleDestroy {
  open = true;

  onModuleDestroy(): void {
    this.open = false;
  }
}

interface Hybrid {
  readonly server: ServerTtrpc;
  readonly room: Room;
  readonly entered: Promise<void>;
  /** Lets the handler go on. */
  goOn(): void;
  close(): Promise<void>;
}

/** A hybrid application; its root module may drain the server. */
async function hybrid(drains: boolean, options: Partial<ServerTtrpcOptions> = {}): Promise<Hybrid> {
  const { listen, dial } = createMemoryTransport();
  const server = new ServerTtrpc({ ...ROOM, ...options, listen });
  const [entered, goOn] = [signal(), signal()];

  @Controller()
  class Uses {
    readonly store: Store;
    constructor(@Inject(Store) store: Store) {
      this.store = store;
    }

    @GrpcMethod('RoomService')
    async say(): Promise<Text> {
      entered.resolve();
      await goOn.promise;
      return { text: this.store.open ? 'store is open' : 'store is destroyed' };
    }
  }

  @Module({ providers: [Store], controllers: [Uses] })
  class UsesModule {}

  @Module({ imports: [UsesModule] })
  class Root implements OnModuleDestroy {
    async onModuleDestroy(): Promise<void> {
      if (drains) await server.drain();
    }
  }

  const app = await NestFactory.create(Root, { logger: false });
  app.connectMicroservice({ strategy: server });
  await app.startAllMicroservices();
  await app.listen(0, '127.0.0.1');
  const room = closeLater(new ClientTtrpc({ ...ROOM, dial })).getService<Room>('RoomService');
  const close = (): Promise<void> => app.close();
  return { server, room, entered: entered.promise, goOn: () => goOn.resolve(), close };
}

/** Answers a call while the application closes. */
async function answeredWhileClosing({ room, entered, goOn, close }: Hybrid): Promise<unknown> {
  const call = all(room.say({}));
  await entered;
  const closing = close();
  for (let n = 0; n < 20; n++) await turn();
  goOn();
  await closing;
  return call;
}

describe('ServerTtrpc.drain', () => {
  it('lets calls end before Nest destroys what they need, which a graceful close alone does not', async () => {
    const graceful = await hybrid(false, { gracefulShutdown: true });
    expect(await answeredWhileClosing(graceful)).toEqual([{ text: 'store is destroyed' }]);
    expect(await answeredWhileClosing(await hybrid(true))).toEqual([{ text: 'store is open' }]);
  });

  it('takes no new calls meanwhile, and waits no longer than it may', async () => {
    const { server, room, entered, close } = await hybrid(false);
    const call = failure(room.say({}));
    await entered;
    const drained = server.drain({ graceMs: 50 });
    expect(await failure(room.say({}))).toBe('14 UNAVAILABLE: server is shutting down');
    await drained;
    expect(await call).toContain('connection closed');
    await close();
  });

  it('may be called at any time, and twice; a close waits for it', async () => {
    const order: string[] = [];
    const { server, room, entered, goOn, close } = await hybrid(false, { graceMs: 1000 });
    server.status.subscribe((status) => order.push(status));
    const call = all(room.say({}));
    await entered;
    const ended = [server.drain(), server.drain(), server.close()].map((end) =>
      end.then(() => order.push('ended')),
    );
    for (let n = 0; n < 20; n++) await turn();
    order.push('answered');
    goOn();
    expect(await call).toEqual([{ text: 'store is open' }]);
    await Promise.all(ended);
    expect(order).toEqual(['up', 'answered', 'down', 'ended', 'ended', 'ended']);
    await server.drain();
    await close();
    await new ServerTtrpc({ ...ROOM, url: 'unix:///run/never.sock' }).drain();
  });

  it('refuses a grace that is no time', async () => {
    const server = new ServerTtrpc({ ...ROOM, url: 'unix:///run/never.sock' });
    await expect(server.drain({ graceMs: 0 })).rejects.toThrow(
      'graceMs must be a number above 0 (ms), got 0',
    );
  });
});
