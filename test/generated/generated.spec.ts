import 'reflect-metadata';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Module, type INestMicroservice, type Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import {
  ClientProxyFactory,
  Transport,
  type ClientGrpc,
  type CustomStrategy,
  type GrpcOptions,
} from '@nestjs/microservices';
import protobuf from 'protobufjs';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { TtrpcClient, TtrpcServer } from '../../lib/engine/index.js';
import { ClientTtrpc, ServerTtrpc, type TtrpcDefinitionOptions } from '../../lib/index.js';
import { applicationOf, build } from './generate.js';
import { NEST_VARIANTS, OTHER_VARIANTS, type Variant } from './variants.js';

interface Named {
  readonly name: string;
}

/** What the applications for Nest export; the messages are of generated types. */
interface NestApplication {
  readonly definitions: TtrpcDefinitionOptions;
  readonly HeroController: Type;
  readonly hero: Named;
  readonly plainHero: Named;
  readonly forgotten: readonly number[];
  readonly callAll: (heroes: object, hero?: Named) => Promise<unknown>;
  readonly faultOf: (heroes: object) => Promise<unknown>;
}

/** What the applications for the engine export. */
interface EngineApplication {
  readonly service: unknown;
  readonly hero: Named;
  readonly byTsProto: object;
  readonly byGrpcJs: object;
  readonly serve: (server: TtrpcServer) => void;
  readonly callAll: (client: TtrpcClient, methods?: object) => Promise<unknown>;
  readonly callEngine: (client: TtrpcClient) => Promise<unknown>;
  readonly faultOf: (client: TtrpcClient) => Promise<unknown>;
}

const builtIn = { ...protobuf.wrappers };
const custom = new Map<Variant, typeof protobuf.wrappers>();

/** The application of a variant. What it installs in protobufjs holds until the next one's. */
async function load<Application>(variant: Variant): Promise<Application> {
  for (const name of Object.keys(protobuf.wrappers)) delete protobuf.wrappers[name];
  Object.assign(protobuf.wrappers, custom.get(variant) ?? builtIn);
  const application = (await import(applicationOf(variant))) as Application;
  custom.set(variant, { ...protobuf.wrappers });
  return application;
}

// Some codecs give a Buffer where the type says Uint8Array.
expect.addEqualityTesters([
  (one, other) =>
    one instanceof Uint8Array && other instanceof Uint8Array
      ? Buffer.compare(one, other) === 0
      : undefined,
]);

const folder = mkdtempSync(join(tmpdir(), 'ttrpc-generated-'));
const open: { close(): unknown }[] = [];
let sockets = 0;
let faults: string[];

beforeAll(async () => {
  faults = await build([...NEST_VARIANTS, ...Object.values(OTHER_VARIANTS)]);
}, 120_000);
afterEach(async () => {
  for (const one of open.splice(0).toReversed()) await one.close();
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function socketUrl(): string {
  sockets += 1;
  return `unix://${join(folder, `${sockets}.sock`)}`;
}

async function listen(
  controller: Type,
  options: CustomStrategy | GrpcOptions,
): Promise<INestMicroservice> {
  @Module({ controllers: [controller] })
  class ApplicationModule {}
  const app = await NestFactory.createMicroservice(ApplicationModule, {
    ...options,
    logger: ['error'],
  });
  open.push(app);
  await app.listen();
  return app;
}

/** Serves an application over ttrpc; gives the stub of its service. */
async function start({ HeroController, definitions }: NestApplication): Promise<object> {
  const url = socketUrl();
  await listen(HeroController, {
    strategy: new ServerTtrpc({ ...definitions, url, strict: true }),
  });
  const client = new ClientTtrpc({ ...definitions, url });
  open.push(client);
  return client.getService('HeroService');
}

/** The same over Nest's own transport. */
async function startGrpc({ HeroController, definitions }: NestApplication): Promise<object> {
  const grpc = {
    transport: Transport.GRPC,
    options: { ...definitions, url: socketUrl() },
  } as GrpcOptions;
  await listen(HeroController, grpc);
  const client = ClientProxyFactory.create(grpc) as unknown as ClientGrpc & { close(): void };
  open.push(client);
  return client.getService('HeroService');
}

/** What `callAll` gives when `hero` has come through unharmed. */
function answers({ plainHero }: NestApplication, hero: Named): object {
  return {
    count: { id: 3 },
    forget: {},
    echo: hero,
    getUrlInfo: { ...plainHero, id: 8 },
    list: [plainHero, { ...plainHero, id: 9 }],
    sum: { id: 6 },
    talk: [
      { ...hero, name: 'ADA' },
      { ...plainHero, name: 'ADA' },
    ],
  };
}

/** An engine's server, and a client of it. */
async function startEngine(serve: (server: TtrpcServer) => void): Promise<TtrpcClient> {
  const server = new TtrpcServer();
  open.push(server);
  serve(server);
  const client = new TtrpcClient({ address: await server.listen(socketUrl()) });
  open.push(client);
  return client;
}

describe('generated code and the applications written against it', () => {
  it('compile', () => {
    expect(faults).toEqual([]);
  });
});

describe.each(NEST_VARIANTS)('$name', (variant) => {
  it('serves and calls over ttrpc', async () => {
    const application = await load<NestApplication>(variant);
    const { callAll, forgotten, hero } = application;
    const stub = await start(application);
    expect(await callAll(stub, hero)).toEqual(answers(application, hero));
    expect(forgotten).toEqual([7]);
  });
});

describe("Nest's gRPC transport, as the control", () => {
  it('gives the same with the same code', async () => {
    const application = await load<NestApplication>(NEST_VARIANTS[0]!);
    const { callAll, plainHero } = application;
    // Without a Struct: proto-loader has a protobufjs of its own, which ts-proto does not reach.
    const expected = answers(application, plainHero);
    expect(await callAll(await startGrpc(application), plainHero)).toEqual(expected);
    expect(await callAll(await start(application), plainHero)).toEqual(expected);
  });
});

describe('ts-proto, addGrpcMetadata and addNestjsRestParameter', () => {
  it.each([
    ['ttrpc', start],
    ['gRPC, as the control', startGrpc],
  ])("hands over grpc-js's Metadata and the call: %s", async (_transport, startOver) => {
    const application = await load<NestApplication>(OTHER_VARIANTS.metadata);
    expect(await application.callAll(await startOver(application))).toEqual({
      echo: { name: 'one,one', restOfArguments: 1 },
      names: ['one,one', 'one,one', 'one,one'],
      count: { id: 1 },
      sum: { id: 1 },
    });
  });
});

describe('ts-proto in the engine', () => {
  const expected = {
    counted: 3,
    echoed: { name: 'ADA', since: new Date(5), motto: 'onward' },
    names: ['', 'Ada'],
    summed: 3,
    ids: [2, 2],
  };

  it('serves and calls by either kind of definition', async () => {
    const { byGrpcJs, byTsProto, callAll, serve } = await load<EngineApplication>(
      OTHER_VARIANTS.engine,
    );
    const client = await startEngine(serve);
    expect(await callAll(client, byTsProto)).toEqual(expected);
    expect(await callAll(client, byGrpcJs)).toEqual(expected);
  });

  it('gives details of errors as they came', async () => {
    const { faultOf, serve } = await load<EngineApplication>(OTHER_VARIANTS.engine);
    expect(await faultOf(await startEngine(serve))).toEqual({ why: 'no hero 5' });
  });

  it("is called through ts-proto's own clients", async () => {
    const { serve } = await load<EngineApplication>(OTHER_VARIANTS.engine);
    const { callAll } = await load<EngineApplication>(OTHER_VARIANTS.rpc);
    expect(await callAll(await startEngine(serve))).toEqual(expected);
  });
});

describe('protobuf-es', () => {
  it('serves and calls in Nest', async () => {
    const application = await load<NestApplication>(OTHER_VARIANTS.protobufEs);
    const { callAll, hero } = application;
    expect(await callAll(await start(application))).toStrictEqual({
      count: { $typeName: 'hero.v1.HeroById', id: 3 },
      forget: { $typeName: 'google.protobuf.Empty' },
      echo: hero,
      list: [hero, expect.objectContaining({ home: { case: 'town', value: 'London' } })],
      sum: { $typeName: 'hero.v1.HeroById', id: 2 },
      talk: [hero, { ...hero, name: 'hero.v1.Hero' }],
    });
  });

  it('gives details of errors as they came', async () => {
    const application = await load<NestApplication>(OTHER_VARIANTS.protobufEs);
    expect(await application.faultOf(await start(application))).toMatchObject({ why: 'no hero 1' });
  });

  it('serves and calls in the engine', async () => {
    const { callEngine, hero, serve } = await load<EngineApplication>(OTHER_VARIANTS.protobufEs);
    expect(await callEngine(await startEngine(serve))).toStrictEqual({
      echoed: { ...hero, id: 2 },
      bytes: Uint8Array,
      ids: [1],
      summed: 2,
      bornBefore: [-(2n ** 63n)],
    });
  });
});
