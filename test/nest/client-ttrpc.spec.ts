import { Controller, Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import {
  ClientProxyFactory,
  ClientsModule,
  GrpcMethod,
  type ClientGrpc,
} from '@nestjs/microservices';
import { existsSync } from 'node:fs';
import { describe, expect, it, vi } from 'vitest';
import {
  ClientTtrpc,
  ConnectionError,
  DefinitionError,
  ServerTtrpc,
  TTRPC_CLIENT,
  TtrpcModule,
  UsageError,
} from '../../lib/index.js';
import { TtrpcClient } from '../../lib/engine/index.js';
import { createMemoryTransport } from '../../lib/testing/index.js';
import {
  all,
  closeLater,
  connect,
  failure,
  moduleOf,
  ROOM,
  socketPath,
  start,
  type Room,
} from './app.js';

@Controller()
class Says {
  @GrpcMethod('RoomService')
  say(): object {
    return { text: 'said' };
  }
}

const NOWHERE = 'unix:///run/nowhere/at/all.sock';

describe('ClientTtrpc', () => {
  it('gives a service by its bare, relative and full name: the same object', () => {
    const client = connect(NOWHERE, { package: 'acme' });
    const room = client.getService<Room>('RoomService');
    expect(client.getService('v1.RoomService')).toBe(room);
    expect(client.getService('acme.v1.RoomService')).toBe(room);
    expect(client.getClientByServiceName('RoomService')).toBe(room);
  });

  it('has each method in both spellings, and nothing that Nest would take for a hook', () => {
    const names = connect(NOWHERE).getService<Record<string, unknown>>('NameService');
    expect(Object.keys(names)).toEqual(['GetURLInfo', 'getUrlInfo', 'leave', 'Nothing', 'nothing']);
    expect(names['GetURLInfo']).toBe(names['getUrlInfo']);
    for (const hook of ['then', 'onModuleInit', 'onModuleDestroy', 'onApplicationBootstrap']) {
      expect(names[hook]).toBeUndefined();
    }
  });

  it('names the nearest services when there is none of a name', () => {
    const client = connect(NOWHERE);
    expect(() => client.getService('RomService')).toThrow(DefinitionError);
    expect(() => client.getService('RomService')).toThrow(
      'unknown service RomService; did you mean acme.v1.RoomService',
    );
  });

  it('reads and dials nothing when it is made', async () => {
    const client = connect(NOWHERE, { protoPath: '/no/such.proto' });
    expect(() => client.getService('RoomService')).toThrow('cannot find /no/such.proto');
    await client.close();
  });

  it('connects on demand, and says so', async () => {
    const { url } = await start([Says]);
    const options = { onConnect: vi.fn(), onClose: vi.fn() };
    const client = connect(url, options);
    const events: unknown[] = [];
    client.status.subscribe((status) => events.push(status));
    client.on('connect', () => events.push('on connect'));
    client.on('close', (error: never) => events.push(error));
    expect(client.unwrap()).toBeInstanceOf(TtrpcClient);
    expect(events).toEqual([]);
    await client.connect();
    expect(events).toEqual(['connecting', 'connected', 'on connect']);
    await client.close();
    expect(events.slice(3)).toEqual(['disconnected', expect.any(ConnectionError)]);
    expect(options.onConnect).toHaveBeenCalledOnce();
    expect(options.onClose).toHaveBeenCalledOnce();
  });

  it('says when it could not connect, and lets calls wait for a server', async () => {
    const { listen, dial } = createMemoryTransport();
    const states: string[] = [];
    const client = closeLater(
      new ClientTtrpc({
        ...ROOM,
        dial,
        waitForReady: true,
        reconnect: { initialMs: 1 },
        onStateChange: (state) => void states.push(state),
      }),
    );
    const seen: string[] = [];
    client.status.subscribe((status) => seen.push(status));
    const room = client.getService<Room>('RoomService');
    expect(await failure(room.say({}, { waitForReady: false }))).toContain('no server listens');
    expect(seen).toEqual(['connecting', 'disconnected']);
    expect(states).toEqual(['connecting', 'failed']);
    const call = all(room.say({}));
    const server = closeLater(new ServerTtrpc({ ...ROOM, listen }));
    server.addHandler({ service: 'RoomService', rpc: 'Say', streaming: 'no_stream' }, () =>
      Promise.resolve({ text: 'said' }),
    );
    server.listen(() => undefined);
    expect(await call).toEqual([{ text: 'said' }]);
    expect(seen.slice(-2)).toEqual(['connecting', 'connected']);
  });

  it('goes on when its listeners throw', async () => {
    const { url } = await start([Says]);
    const raise = (): never => {
      throw new Error('listener');
    };
    const client = connect(url, { onConnect: raise, onClose: raise });
    client.on('connect', raise);
    client.on('close', raise);
    expect(await all(client.getService<Room>('RoomService').say({}))).toEqual([{ text: 'said' }]);
    await client.close();
  });

  it('rejects with address and system error when there is nobody', async () => {
    const path = socketPath();
    const error = await connect(`unix://${path}`)
      .connect()
      .catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(ConnectionError);
    expect((error as Error).message).toContain(path);
    expect((error as Error).message).toContain('ENOENT');
  });

  it('closes for good: twice, detached, and before it was used', async () => {
    const { url, room, client } = await start([Says]);
    await all(room.say({}));
    await Reflect.apply(client.close, client, ['SIGTERM']);
    await client.close();
    await client.onApplicationShutdown();
    expect(await failure(room.say({}))).toBe(`client is closed (${url})`);
    expect(await failure(client.getService<Room>('RoomService').say({}))).toMatch(/closed/);
    await expect(client.connect()).rejects.toThrow('client is closed');
    await connect(NOWHERE).close();
  });

  it('says what to use instead of patterns', async () => {
    class Open extends ClientTtrpc {
      patterns(): unknown[] {
        const thrown: unknown[] = [];
        for (const use of [() => this.send(), () => this.emit(), () => this.publish()]) {
          try {
            use();
          } catch (error) {
            thrown.push(error);
          }
        }
        return thrown;
      }

      event(): Promise<unknown> {
        return this.dispatchEvent();
      }
    }
    const client = closeLater(new Open({ ...ROOM, url: NOWHERE }));
    const text = 'ttrpc has no message patterns: call a method of getService(name)';
    expect(client.patterns().map((error) => (error as Error).message)).toEqual([text, text, text]);
    await expect(client.event()).rejects.toThrow(text);
    expect(client.patterns()[0]).toBeInstanceOf(UsageError);
  });

  it('is what ClientProxyFactory makes', () => {
    const options = { ...ROOM, url: NOWHERE };
    expect(ClientProxyFactory.create({ customClass: ClientTtrpc, options })).toBeInstanceOf(
      ClientTtrpc,
    );
  });

  it('is injected where ClientGrpc is wanted, by ClientsModule, and closed with the application', async () => {
    @Injectable()
    class Caller {
      readonly client: ClientGrpc;
      constructor(@Inject('ROOM') client: ClientGrpc) {
        this.client = client;
      }
    }
    const { url, server } = await start([Says]);
    const options = { ...ROOM, url };
    for (const imported of [
      ClientsModule.register([{ name: 'ROOM', customClass: ClientTtrpc, options }]),
      ClientsModule.registerAsync([
        { name: 'ROOM', useFactory: () => ({ customClass: ClientTtrpc, options }) },
      ]),
    ]) {
      const root = moduleOf({ imports: [imported], providers: [Caller] });
      const app = await NestFactory.createApplicationContext(root, { logger: false });
      const room = app.get(Caller).client.getService<Room>('RoomService');
      expect(await all(room.say({}))).toEqual([{ text: 'said' }]);
      await app.close();
      expect(await failure(room.say({}))).toMatch(/^client is closed/);
      await vi.waitFor(() => expect(server.unwrap<{ connections: number }>().connections).toBe(0));
    }
  });
});

describe('TtrpcModule', () => {
  async function inject(root: object, token: string | symbol): Promise<[Room, ClientTtrpc]> {
    const app = await NestFactory.createApplicationContext(moduleOf({ imports: [root as never] }), {
      logger: false,
    });
    closeLater(app);
    const client = app.get<ClientTtrpc>(token, { strict: false });
    return [client.getService<Room>('RoomService'), client];
  }

  it('makes a client injectable by a name, by default TTRPC_CLIENT', async () => {
    const { url } = await start([Says]);
    const options = { ...ROOM, url };
    const [room] = await inject(TtrpcModule.register(options), TTRPC_CLIENT);
    expect(await all(room.say({}))).toEqual([{ text: 'said' }]);
    const named = await inject(TtrpcModule.register({ ...options, name: 'ROOM' }), 'ROOM');
    expect(await all(named[0].say({}))).toEqual([{ text: 'said' }]);
  });

  it('takes its options from a factory', async () => {
    const { url } = await start([Says]);
    const config = moduleOf({
      providers: [{ provide: 'URL', useValue: url }],
      exports: ['URL'],
    });
    const [room] = await inject(
      TtrpcModule.registerAsync({
        name: 'ROOM',
        imports: [config],
        inject: ['URL'],
        useFactory: (given: string) => Promise.resolve({ ...ROOM, url: given }),
      }),
      'ROOM',
    );
    expect(await all(room.say({}))).toEqual([{ text: 'said' }]);
  });

  it('keeps several clients apart, and shares a global one', async () => {
    const one = await start([Says]);
    const other = await start([Says]);
    class Shares implements OnApplicationShutdown {
      readonly client: ClientTtrpc;
      constructor(client: ClientTtrpc) {
        this.client = client;
      }
      onApplicationShutdown(): void {}
    }
    Inject('A')(Shares, undefined, 0);
    Injectable()(Shares);
    const user = moduleOf({ providers: [Shares] });
    const root = moduleOf({
      imports: [
        TtrpcModule.register({ ...ROOM, url: one.url, name: 'A', isGlobal: true }),
        TtrpcModule.register({ ...ROOM, url: other.url, name: 'B' }),
        user,
      ],
    });
    const app = await NestFactory.createApplicationContext(root, { logger: false });
    const [a, b] = [app.get<ClientTtrpc>('A'), app.get<ClientTtrpc>('B')];
    expect(a).not.toBe(b);
    expect(app.select(user).get(Shares).client).toBe(a);
    expect(a.unwrap().address).toBe(one.url);
    expect(b.unwrap().address).toBe(other.url);
    await a.connect();
    await app.close();
    await vi.waitFor(() => expect(one.server.unwrap().connections).toBe(0));
    expect(existsSync(one.url.slice('unix://'.length))).toBe(true);
  });

  it('stops the application for a wrong option', async () => {
    const wrong = { ...ROOM, url: NOWHERE, credentials: 1 } as never;
    await expect(
      NestFactory.createApplicationContext(moduleOf({ imports: [TtrpcModule.register(wrong)] }), {
        logger: false,
        abortOnError: false,
      }),
    ).rejects.toThrow('credentials must be insecure ones');
  });
});
