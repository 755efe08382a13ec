import { Controller, Inject, Injectable } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ClientsModule, GrpcMethod, type AsyncMicroserviceOptions } from '@nestjs/microservices';
import { of, type Observable } from 'rxjs';
import { describe, expect, it } from 'vitest';
import {
  ClientTtrpc,
  getTtrpcServiceToken,
  getTtrpcPromiseServiceToken,
  InjectTtrpcClient,
  InjectTtrpcPromiseService,
  InjectTtrpcService,
  ServerTtrpc,
  TTRPC_CLIENT,
  TtrpcModule,
} from '../../lib/index.js';
import type { Dialer } from '../../lib/engine/index.js';
import { createMemoryTransport, stubClient } from '../../lib/testing/index.js';
import { all, closeLater, moduleOf, ROOM, startInMemory, type Room, type Text } from './app.js';
import { HAS, NEEDS_NEWER_NEST } from './nest-features.js';

@Controller()
class Says {
  @GrpcMethod('RoomService')
  say(): Text {
    return { text: 'said' };
  }
}

interface Names {
  getUrlInfo(request: Text): Observable<Text>;
}

@Injectable()
class Caller {
  readonly room: Room;
  readonly client: ClientTtrpc;
  readonly names: Names;
  constructor(
    @InjectTtrpcService('RoomService') room: Room,
    @InjectTtrpcClient() client: ClientTtrpc,
    @InjectTtrpcService('acme.v1.NameService') names: Names,
  ) {
    this.room = room;
    this.client = client;
    this.names = names;
  }
}

@Injectable()
class Named {
  @InjectTtrpcService('RoomService', 'ROOM') readonly room!: Room;
  @InjectTtrpcClient('ROOM') readonly client!: ClientTtrpc;
}

async function create(...imports: Parameters<typeof TtrpcModule.forFeature>[2] & {}): Promise<{
  get<T>(token: abstract new (...given: never[]) => T): T;
}> {
  const user = moduleOf({ imports: [...imports], providers: [Named] });
  const app = await NestFactory.createApplicationContext(user, {
    logger: false,
    abortOnError: false,
  });
  closeLater(app);
  return { get: (token) => app.get(token as never) };
}

async function options(): Promise<typeof ROOM & { dial: Dialer }> {
  const { dial } = await startInMemory([Says]);
  return { ...ROOM, dial };
}

describe('TtrpcModule.forFeature', () => {
  it('makes services of a global client injectable, in every module that imports it', async () => {
    const services = ['RoomService', 'acme.v1.NameService'];
    const user = moduleOf({ imports: [TtrpcModule.forFeature(services)], providers: [Caller] });
    const root = moduleOf({
      imports: [TtrpcModule.register({ ...(await options()), isGlobal: true }), user],
    });
    const app = closeLater(await NestFactory.createApplicationContext(root, { logger: false }));
    const { room, client, names } = app.select(user).get(Caller);
    expect(await all(room.say({}))).toEqual([{ text: 'said' }]);
    expect(room).toBe(client.getService('acme.v1.RoomService'));
    expect(names.getUrlInfo).toBeTypeOf('function');
    expect(client).toBe(app.get(TTRPC_CLIENT, { strict: false }));
  });

  it('takes a client by name from modules that it imports, whoever made it', async () => {
    const given = await options();
    for (const clients of [
      TtrpcModule.register({ ...given, name: 'ROOM' }),
      TtrpcModule.registerAsync({ name: 'ROOM', useFactory: () => Promise.resolve(given) }),
      ClientsModule.register([{ name: 'ROOM', customClass: ClientTtrpc, options: given }]),
    ]) {
      const feature = TtrpcModule.forFeature(['RoomService'], 'ROOM', [clients]);
      const { room, client } = (await create(clients, feature)).get(Named);
      expect(await all(room.say({}))).toEqual([{ text: 'said' }]);
      expect(client.getService('RoomService')).toBe(room);
    }
  });

  it('names the service and the client when it was not told of them', async () => {
    const client = TtrpcModule.register({ ...(await options()), name: 'ROOM' });
    await expect(create(client)).rejects.toThrow('ttrpc service RoomService of ROOM');
    const wrong = TtrpcModule.forFeature(['RoomService', 'RomService'], 'ROOM', [client]);
    await expect(create(client, wrong)).rejects.toThrow('did you mean acme.v1.RoomService');
  });

  it('gives services of a stub when the client is one', async () => {
    const useValue = stubClient(ROOM, { RoomService: { say: () => ({ text: 'stub' }) } });
    const provider = { provide: 'ROOM', useValue };
    const clients = moduleOf({ providers: [provider], exports: [provider] });
    const feature = TtrpcModule.forFeature(['RoomService'], 'ROOM', [clients]);
    const { room } = (await create(clients, feature)).get(Named);
    expect(await all(room.say({}))).toEqual([{ text: 'stub' }]);
  });
});

describe('the option features of TtrpcModule', () => {
  @Injectable()
  class Both {
    @InjectTtrpcService('RoomService', 'ROOM') readonly room!: Room;
    @InjectTtrpcPromiseService('RoomService', 'ROOM') readonly promises!: {
      say(request: Text): Promise<Text>;
    };
  }

  it('makes services injectable with their client, as Observables and as Promises', async () => {
    const given = await options();
    const extras = { name: 'ROOM', features: ['RoomService'] };
    for (const made of [
      TtrpcModule.register({ ...given, ...extras }),
      TtrpcModule.registerAsync({ ...extras, useFactory: () => given }),
    ]) {
      const user = moduleOf({ imports: [made], providers: [Both] });
      const app = closeLater(await NestFactory.createApplicationContext(user, { logger: false }));
      const { room, promises } = app.get(Both);
      expect(await all(room.say({}))).toEqual([{ text: 'said' }]);
      expect(await promises.say({})).toEqual({ text: 'said' });
      const client = app.get<ClientTtrpc>('ROOM', { strict: false });
      expect(promises).toBe(client.getPromiseService('RoomService'));
    }
  });

  it('is content with a stand-in for the client that has Observables alone', async () => {
    const say = (): Observable<Text> => of({ text: 'fake' });
    const provider = { provide: 'ROOM', useValue: { getService: () => ({ say }) } };
    const clients = moduleOf({ providers: [provider], exports: [provider] });
    const feature = TtrpcModule.forFeature(['RoomService'], 'ROOM', [clients]);
    const { room } = (await create(clients, feature)).get(Named);
    expect(await all(room.say({}))).toEqual([{ text: 'fake' }]);
  });
});

describe('getTtrpcServiceToken', () => {
  it('is one for a service of a client, and another for every other', () => {
    class Client {}
    const clients = [TTRPC_CLIENT, 'A', 'B', Symbol('A'), Symbol('A'), Client];
    const list = (): symbol[] =>
      clients.flatMap((client) =>
        ['X', 'Y'].map((service) => getTtrpcServiceToken(service, client)),
      );
    const tokens = list();
    expect(new Set(tokens).size).toBe(12);
    expect(list()).toEqual(tokens);
    expect(getTtrpcServiceToken('X')).toBe(tokens[0]);
    expect(tokens.at(-1)?.description).toBe('ttrpc service Y of Client');
    const promise = getTtrpcPromiseServiceToken('X');
    expect(tokens).not.toContain(promise);
    expect(getTtrpcPromiseServiceToken('X', TTRPC_CLIENT)).toBe(promise);
  });
});

describe('a service in DI', () => {
  it('is no promise and has no hooks, whatever an rpc is called', async () => {
    const lower = 'Then'.toLowerCase();
    const { Root } = (await import('protobufjs')).default;
    const root = Root.fromJSON({
      nested: {
        Text: { fields: {} },
        Odd: {
          methods: {
            Then: { requestType: 'Text', responseType: 'Text' },
            OnModuleInit: { requestType: 'Text', responseType: 'Text' },
          },
        },
        Lower: {
          methods: {
            [lower]: { requestType: 'Text', responseType: 'Text' },
            onModuleDestroy: { requestType: 'Text', responseType: 'Text' },
          },
        },
      },
    });
    const odd = stubClient({ root }, {});
    expect(Object.keys(odd.getService('Odd'))).toEqual(['Then', 'OnModuleInit', 'onModuleInit']);
    expect(Object.keys(odd.getService('Lower'))).toEqual(['onModuleDestroy', 'Then']);
    const provider = { provide: 'ODD', useValue: odd };
    const clients = moduleOf({ providers: [provider], exports: [provider] });
    const feature = TtrpcModule.forFeature(['Odd', 'Lower'], 'ODD', [clients]);
    const token = getTtrpcServiceToken('Odd', 'ODD');
    @Injectable()
    class Uses {
      @Inject(token) readonly odd!: object;
    }
    const user = moduleOf({ imports: [feature], providers: [Uses] });
    const app = closeLater(await NestFactory.createApplicationContext(user, { logger: false }));
    expect(app.get(Uses).odd).toBe(odd.getService('Odd'));
    const promises = ['Odd', 'Lower'].map((name) => getTtrpcPromiseServiceToken(name, 'ODD'));
    const names = promises.map((one) => Object.keys(app.get<object>(one, { strict: false })));
    expect(names).toEqual([
      ['Then', 'OnModuleInit'],
      ['Then', 'OnModuleDestroy'],
    ]);
  });
});

describe.runIf(HAS.strategyOfFactory)(`server options from a factory ${NEEDS_NEWER_NEST}`, () => {
  it('serve by what providers of the application say', async () => {
    const { listen, dial } = createMemoryTransport();
    const config = { provide: 'CONFIG', useValue: { ...ROOM, listen } };
    const root = moduleOf({ controllers: [Says], providers: [config] });
    const asynchronous: AsyncMicroserviceOptions = {
      inject: ['CONFIG'],
      useFactory: (given: typeof config.useValue) => ({ strategy: new ServerTtrpc(given) }),
    };
    const app = await NestFactory.createMicroservice<AsyncMicroserviceOptions>(root, {
      ...asynchronous,
      logger: false,
    });
    closeLater(app);
    expect(await app.listen()).toBe('memory:');
    const client = closeLater(new ClientTtrpc({ ...ROOM, dial }));
    expect(await all(client.getService<Room>('RoomService').say({}))).toEqual([{ text: 'said' }]);
  });
});
