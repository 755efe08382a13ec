import { DOORS, namesOf } from './documents.js';

/** What a snippet presupposes, and what must come of it. */
export interface Harness {
  /** What stands before it: what its reader has made already. */
  readonly before?: string;
  /** What stands behind it: the use that shows that it works. */
  readonly after?: string;
  /** The lines that the whole prints. */
  readonly prints: readonly string[];
}

/** A snippet whose document says how it is run; `quick-start.ts` does. */
export const QUICK_START = 'quick start';

/** Where a name is imported from if a snippet does not say so itself; the first home counts. */
const HOMES: readonly (readonly [home: string, names: readonly string[]])[] = [
  ...DOORS.map(({ name, file }) => [name, namesOf(file)] as const),
  [
    '@nestjs/common',
    [
      'CanActivate',
      'Controller',
      'ExecutionContext',
      'Inject',
      'Injectable',
      'Module',
      'OnModuleDestroy',
    ],
  ],
  ['@nestjs/core', ['NestFactory']],
  ['@nestjs/microservices', ['Client', 'ClientsModule', 'GrpcMethod', 'Payload']],
  ['@nestjs/testing', ['Test']],
  ['rxjs', ['catchError', 'firstValueFrom', 'Observable', 'of', 'throwError']],
];

/** The imports of the names that a program uses and has from nowhere. */
export function missingImports(program: string): string {
  const imported = [...program.matchAll(/^import [^]*?;$/gm)].join('\n');
  const found = new Set(imported.match(/\w+/g));
  const used = new Set(program.match(/\w+/g));
  return HOMES.map(([home, names]) => {
    const missing = names.filter((name) => used.has(name) && !found.has(name));
    for (const name of missing) found.add(name);
    return missing.length > 0 ? `import { ${missing.join(', ')} } from '${home}';` : '';
  }).join('');
}

const HERO = `const hero = { url: 'unix:hero.sock', package: 'hero', protoPath: 'hero.proto' };`;

const HERO_SERVICE = `
interface HeroService {
  findOne(request: { id: number }): Observable<{ id: number; name: string }>;
}`;

const HERO_PROMISES = `
interface HeroPromises {
  findOne(request: object, options?: object): Promise<{ id: number; name: string }>;
  findMany(request: object): AsyncIterable<{ id: number; name: string }>;
}`;

/** A server, made with the engine, that the clients of snippets call. */
const SERVER = `
const catalogOfServer = loadServices({ protoPath: 'hero.proto' });
const serverBeside = new TtrpcServer();
serverBeside.addService(catalogOfServer.service('hero.HeroService'), {
  findOne: async ({ id }: { id: number }) => ({ id, name: 'Ada' }),
  findMany: async function* () {
    yield { id: 1, name: 'Ada' };
    yield { id: 2, name: 'Grace' };
  },
});
await serverBeside.listen('unix:hero.sock');
`;

const CONTROLLER = `
@Controller()
class HeroController {
  @GrpcMethod('HeroService')
  findOne({ id }: { id: number }) {
    if (id < 1) throw new RangeError(\`no id is \${id}\`);
    return { id, name: 'Ada' };
  }
}

@Module({ controllers: [HeroController] })
class HeroModule {}
`;

/** Of the shape that ts-proto generates. */
const HERO_SERVICE_DEFINITION = `
const anyMessage = {
  encode: (message: unknown) => ({ finish: () => Buffer.from(JSON.stringify(message)) }),
  decode: (bytes: Uint8Array): unknown => JSON.parse(Buffer.from(bytes).toString()),
};
const HeroServiceDefinition = {
  fullName: 'hero.HeroService',
  methods: {
    findOne: {
      name: 'FindOne',
      requestType: anyMessage,
      requestStream: false,
      responseType: anyMessage,
      responseStream: false,
    },
  },
} as const;
`;

/** The harness of each \`\`\`ts block of a document, by the heading above it, in order. */
export const HARNESSES: Readonly<
  Record<string, Readonly<Record<string, readonly (Harness | typeof QUICK_START)[]>>>
> = {
  'README.md': {
    'A server and a client': [QUICK_START, QUICK_START],
    "Moving from Nest's gRPC transport": [
      {
        before: CONTROLLER + HERO_SERVICE,
        after: `
          await app.listen();
          @Module({ imports: [clients] })
          class AppModule {}
          const context = await NestFactory.createApplicationContext(AppModule);
          const heroes = context.get<ClientTtrpc>('HERO').getService<HeroService>('HeroService');
          console.log(await firstValueFrom(heroes.findOne({ id: 1 })));
          await context.close();
          await app.close();`,
        prints: [`{ id: 1, name: 'Ada' }`],
      },
    ],
    Errors: [
      {
        before: `${CONTROLLER}${HERO_SERVICE}${HERO}
          const app = await NestFactory.createMicroservice(HeroModule, {
            strategy: new ServerTtrpc(hero),
          });`,
        after: `
          await app.listen();
          const client = new ClientTtrpc(hero);
          const heroes = client.getService<HeroService>('HeroService');
          await firstValueFrom(heroes.findOne({ id: -1 })).catch((error: unknown) => {
            if (isTtrpcError(error)) console.log(error.message);
          });
          await client.close();
          await app.close();`,
        prints: ['11 OUT_OF_RANGE: no id is -1'],
      },
    ],
    Details: [
      {
        before: `
          import protobuf from 'protobufjs';
          const { root } = protobuf.parse(\`
            syntax = "proto3";
            package bank;
            service Bank { rpc Pay(Shortage) returns (Shortage); }
            message Shortage { int32 missing = 1; }
          \`);
          @Controller()
          class Bank {
            @GrpcMethod('Bank')
            pay() {`,
        after: `
            }
          }
          @Module({ controllers: [Bank] })
          class BankModule {}
          const { listen, dial } = createMemoryTransport();
          const strategy = new ServerTtrpc({ listen, root });
          const app = await NestFactory.createMicroservice(BankModule, { strategy });
          await app.listen();
          const client = new ClientTtrpc({ dial, root });
          const bank = client.getPromiseService<{ pay(request: object): Promise<object> }>('Bank');
          await bank.pay({}).catch((error: unknown) => {
            if (error instanceof StatusError) console.log(error.status.details[0]?.message);
          });
          await client.close();
          await app.close();`,
        prints: ['{ missing: 20 }'],
      },
    ],
    Calls: [
      {
        before: SERVER + HERO_SERVICE + HERO_PROMISES + HERO,
        after: `
          const context = await NestFactory.createApplicationContext(AppModule);
          console.log(await firstValueFrom(context.get(Heroes).service.findOne({ id: 1 })));
          console.log(await context.get(Heroes).promises.findOne({ id: 1 }));
          await context.close();
          await serverBeside.close();`,
        prints: [`{ id: 1, name: 'Ada' }`, `{ id: 1, name: 'Ada' }`],
      },
      {
        before: `${SERVER}${HERO_PROMISES}
          const client = new ClientTtrpc({
            url: 'unix:hero.sock',
            package: 'hero',
            protoPath: 'hero.proto',
          });`,
        after: `
          console.log(hero);
          await client.close();
          await serverBeside.close();`,
        prints: [`{ id: 1, name: 'Ada' }`, `{ id: 2, name: 'Grace' }`, `{ id: 1, name: 'Ada' }`],
      },
      {
        before: `const token = 't';`,
        after: `
          const catalog = loadServices({ protoPath: 'hero.proto' });
          const server = new TtrpcServer();
          server.addService(catalog.service('hero.HeroService'), {
            findOne: (_: unknown, { metadata }: CallContext) => ({ name: metadata.get('token')[0] }),
          });
          const { listen, dial } = createMemoryTransport();
          await server.listen(listen);
          const client = new TtrpcClient({ dial, interceptors });
          const method = catalog.method<object, { name: string }>('hero.HeroService', 'FindOne');
          console.log((await client.unary(method, {})).name);
          await client.close();
          await server.close();`,
        prints: ['t'],
      },
    ],
    'Generated code': [
      {
        before: CONTROLLER + HERO_SERVICE + HERO_SERVICE_DEFINITION,
        after: `
          const app = await NestFactory.createMicroservice(HeroModule, { strategy });
          await app.listen();
          const heroes = client.getService<HeroService>('HeroService');
          console.log(await firstValueFrom(heroes.findOne({ id: 1 })));
          await client.close();
          await app.close();`,
        prints: [`{ id: 1, name: 'Ada' }`],
      },
    ],
    'Shutting down': [
      {
        before: `
          let enter = (): void => undefined;
          const entered = new Promise<void>((resolve) => (enter = resolve));
          @Controller()
          class HeroController {
            @GrpcMethod('HeroService')
            async findOne({ id }: { id: number }) {
              enter();
              return { id, name: 'Ada' };
            }
          }
          @Module({ controllers: [HeroController] })
          class HeroModule {}
          ${HERO_SERVICE}
          const options = { url: 'unix:hero.sock', package: 'hero', protoPath: 'hero.proto' };`,
        after: `
          await app.startAllMicroservices();
          await app.listen(0);
          const client = new ClientTtrpc(options);
          const answer = firstValueFrom(
            client.getService<HeroService>('HeroService').findOne({ id: 1 }),
          );
          await entered;
          await app.close();
          console.log(await answer);
          await client.close();`,
        prints: [`{ id: 1, name: 'Ada' }`],
      },
    ],
    Testing: [
      {
        before: CONTROLLER + HERO_SERVICE,
        after: `
          const heroes = client.getService<HeroService>('HeroService');
          console.log(await firstValueFrom(heroes.findOne({ id: 1 })));
          await client.close();
          await app.close();`,
        prints: [`{ id: 1, name: 'Ada' }`],
      },
      {
        before: `${HERO_SERVICE}${HERO}
          @Module({ imports: [TtrpcModule.register({ name: 'HERO', ...hero })] })
          class AppModule {}`,
        after: `
          const heroes = module.get<ClientTtrpc>('HERO').getService<HeroService>('HeroService');
          console.log(await firstValueFrom(heroes.findOne({ id: 1 })));
          await module.close();`,
        prints: [`{ id: 1, name: 'Ada' }`],
      },
    ],
    'The engine': [
      {
        prints: [`{ id: 1, name: 'Ada' }`, `{ id: 1, name: 'Ada' }`, `{ id: 2, name: 'Grace' }`],
      },
    ],
  },
  'sample/13-containerd-shim/README.md': {
    'A shim of your own': [
      { before: `process.argv.push('-v');`, prints: ['io.containerd.mine.v1 1.0.0'] },
    ],
  },
};

/** What the `@example` blocks of `lib` speak of without making it. */
export const EXAMPLES_SPEAK_OF = `
declare const protoPath: string;
declare const url: string;
declare const app: import('@nestjs/common').INestMicroservice;
declare const catalog: import('nestjs-ttrpc/engine').ServiceCatalog;
declare const client: import('nestjs-ttrpc').ClientTtrpc;
declare const health: import('nestjs-ttrpc').TtrpcHealth;
declare const heroes: HeroService & { find(id: number, signal: AbortSignal): Promise<Hero> };
declare const id: number;
declare class AppModule {}
declare class HeroModule {}
declare class HeroesModule {}
declare class Config {}
declare const token: string;
interface HeroById {
  id: number;
}
interface Hero {
  id: number;
  name: string;
}
declare const Hero: {
  encode(message: Hero): { finish(): Uint8Array };
  decode(bytes: Uint8Array): Hero;
};
interface HeroService {
  findOne(request: { id: number }): import('rxjs').Observable<Hero>;
}
interface HeroPromises {
  findOne(request: { id: number }, options?: object): Promise<Hero>;
  findMany(request: object): AsyncIterable<Hero>;
}
declare const HeroService: Parameters<typeof import('nestjs-ttrpc').fromProtobufEs>[1];
declare const HeroServiceDefinition: Parameters<typeof import('nestjs-ttrpc').fromTsProto>[0];
declare const HeroServiceClientImpl: new (
  rpc: ReturnType<typeof import('nestjs-ttrpc').createRpc>,
) => HeroPromises;
`;
