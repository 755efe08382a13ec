import { Controller, Injectable, Module, type Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import {
  Client,
  ClientProxyFactory,
  ClientsModule,
  GrpcMethod,
  type AsyncMicroserviceOptions,
  type ClientsModuleOptionsFactory,
} from '@nestjs/microservices';
import { describe, expect, it } from 'vitest';
import {
  ClientTtrpc,
  ServerTtrpc,
  ttrpcClient,
  TtrpcModule,
  type ClientTtrpcOptions,
} from '../../lib/index.js';
import { createMemoryTransport, type MemoryTransport } from '../../lib/testing/index.js';
import { all, closeLater, failure, moduleOf, ROOM, startInMemory, type Room } from './app.js';
import { HAS, NEEDS_NEWER_NEST } from './nest-features.js';

@Controller()
class Says {
  @GrpcMethod('RoomService')
  say(): object {
    return { text: 'said' };
  }
}

/** Options of a client whose server is there. */
async function served(): Promise<ClientTtrpcOptions> {
  const { dial } = await startInMemory([Says]);
  return { ...ROOM, dial };
}

async function says(client: ClientTtrpc): Promise<unknown> {
  return all(client.getService<Room>('RoomService').say({}));
}

const SAID = [{ text: 'said' }];

describe('ttrpcClient', () => {
  it('is what @Client takes, whose client ends with the application', async () => {
    const options = await served();
    @Controller()
    class Holder {
      @Client(ttrpcClient(options)) readonly client!: ClientTtrpc;
    }
    const { listen } = createMemoryTransport();
    const strategy = new ServerTtrpc({ ...ROOM, listen });
    const root = moduleOf({ controllers: [Holder] });
    const app = await NestFactory.createMicroservice(root, { strategy, logger: false });
    await app.listen();
    const { client } = app.get(Holder);
    expect(client).toBeInstanceOf(ClientTtrpc);
    expect(await says(client)).toEqual(SAID);
    await app.close();
    expect(await failure(client.getService<Room>('RoomService').say({}))).toMatch(/is closed/);
  });

  it('is what ClientProxyFactory takes', async () => {
    const client = closeLater(
      ClientProxyFactory.create(ttrpcClient(await served())) as ClientTtrpc,
    );
    expect(await says(client)).toEqual(SAID);
  });

  it('is what ClientsModule takes, in each of its ways', async () => {
    const options = await served();
    @Injectable()
    class Factory implements ClientsModuleOptionsFactory {
      createClientOptions(): ReturnType<typeof ttrpcClient> {
        return ttrpcClient(options);
      }
    }
    const factory = moduleOf({ providers: [Factory], exports: [Factory] });
    const name = 'ROOM';
    for (const imported of [
      ClientsModule.register([{ name, ...ttrpcClient(options) }]),
      ClientsModule.register({ clients: [{ name, ...ttrpcClient(options) }], isGlobal: true }),
      ClientsModule.registerAsync([{ name, useFactory: () => ttrpcClient(options) }]),
      ClientsModule.registerAsync([{ name, useClass: Factory }]),
      ClientsModule.registerAsync([{ name, imports: [factory], useExisting: Factory }]),
    ]) {
      const app = await NestFactory.createApplicationContext(moduleOf({ imports: [imported] }), {
        logger: false,
      });
      const client = app.get<ClientTtrpc>(name, { strict: false });
      expect(await says(client)).toEqual(SAID);
      await app.close();
      await expect(client.connect()).rejects.toThrow('is closed');
    }
  });

  it('has the options of a client, of which the compiler knows', () => {
    const { customClass, options } = ttrpcClient({ ...ROOM, url: 'unix:room.sock' });
    expect(customClass).toBe(ClientTtrpc);
    expect(options).toEqual({ ...ROOM, url: 'unix:room.sock' });
    // @ts-expect-error: no such option
    ttrpcClient({ ...ROOM, uri: 'unix:room.sock' });
  });
});

describe('TtrpcModule.registerAsync', () => {
  it('takes a class that makes options, its own or one that is there', async () => {
    const options = await served();
    @Injectable()
    class Factory {
      create(): ClientTtrpcOptions {
        return options;
      }
    }
    const factory = moduleOf({ providers: [Factory], exports: [Factory] });
    for (const imported of [
      TtrpcModule.registerAsync({ name: 'ROOM', useClass: Factory }),
      TtrpcModule.registerAsync({ name: 'ROOM', imports: [factory], useExisting: Factory }),
    ]) {
      const root = moduleOf({ imports: [imported] });
      const app = closeLater(await NestFactory.createApplicationContext(root, { logger: false }));
      expect(await says(app.get('ROOM', { strict: false }))).toEqual(SAID);
    }
  });
});

describe.runIf(HAS.strategyOfFactory)(`a strategy made by a factory ${NEEDS_NEWER_NEST}`, () => {
  async function serve(
    transport: MemoryTransport,
    start: (root: Type, options: AsyncMicroserviceOptions) => Promise<void>,
  ): Promise<unknown> {
    const provider = { provide: 'OPTIONS', useValue: { ...ROOM, listen: transport.listen } };
    @Module({ providers: [provider], controllers: [Says] })
    class Root {}
    await start(Root, {
      inject: ['OPTIONS'],
      useFactory: (given: typeof provider.useValue) => ({ strategy: new ServerTtrpc(given) }),
    });
    const { dial } = transport;
    return says(closeLater(new ClientTtrpc({ ...ROOM, dial })));
  }

  it('serves a microservice', async () => {
    const answer = serve(createMemoryTransport(), async (root, options) => {
      const app = await NestFactory.createMicroservice<AsyncMicroserviceOptions>(root, {
        ...options,
        logger: false,
      });
      closeLater(app);
      await app.listen();
    });
    expect(await answer).toEqual(SAID);
  });

  it('serves a hybrid application', async () => {
    const answer = serve(createMemoryTransport(), async (root, options) => {
      const app = closeLater(await NestFactory.create(root, { logger: false }));
      app.connectMicroservice<AsyncMicroserviceOptions>(options);
      await app.startAllMicroservices();
      await app.listen(0, '127.0.0.1');
    });
    expect(await answer).toEqual(SAID);
  });
});
