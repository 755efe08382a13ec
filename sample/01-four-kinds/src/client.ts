import 'reflect-metadata';
import { Inject, Injectable, Module, type OnModuleInit } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ClientsModule, type ClientGrpc } from '@nestjs/microservices';
import { ClientTtrpc, isTtrpcError, Metadata, StatusCode, type CallOptions } from 'nestjs-ttrpc';
import { firstValueFrom, of, toArray, type Observable } from 'rxjs';
import { HERO, type Greeting, type Hero, type HeroById, type Roster } from './hero.js';

interface HeroService {
  findOne(request: HeroById): Observable<Hero>;
  findMany(request: object): Observable<Hero>;
  recruit(heroes: Observable<Hero>): Observable<Roster>;
  rename(heroes: Observable<Hero>): Observable<Hero>;
  greet(request: object, metadata: Metadata): Observable<Greeting>;
  train(request: HeroById, options: CallOptions): Observable<Hero>;
}

@Injectable()
class Heroes implements OnModuleInit {
  #service!: HeroService;
  readonly #client: ClientGrpc;

  constructor(@Inject('HERO') client: ClientGrpc) {
    this.#client = client;
  }

  onModuleInit(): void {
    this.#service = this.#client.getService<HeroService>('HeroService');
  }

  /** One call of each kind, and what else a call can meet. */
  async tour(): Promise<void> {
    const service = this.#service;
    const newcomers = of({ id: 4, name: 'Edith' }, { id: 5, name: 'Radia' });

    const ada = await firstValueFrom(service.findOne({ id: 1 }));
    expect('unary', ada.name, 'Ada');

    const all = await firstValueFrom(service.findMany({}).pipe(toArray()));
    expect('server streaming', namesOf(all), 'Ada, Grace, Barbara');

    const roster = await firstValueFrom(service.recruit(newcomers));
    expect('client streaming', roster.names.join(', '), 'Edith, Radia');

    const renamed = await firstValueFrom(service.rename(newcomers).pipe(toArray()));
    expect('bidirectional', namesOf(renamed), 'Captain Edith, Captain Radia');

    const metadata = new Metadata();
    metadata.set('user', 'Katherine');
    const { text } = await firstValueFrom(service.greet({}, metadata));
    expect('metadata', text, 'hello, Katherine');

    const missing = await failureOf(service.findOne({ id: 99 }));
    expect('status', missing, `${StatusCode.NotFound} no hero has the id 99`);

    const late = await failureOf(service.train({ id: 1 }, { timeoutMs: 100 }));
    expect('deadline', late, `${StatusCode.DeadlineExceeded} deadline exceeded`);
  }
}

function namesOf(heroes: readonly Hero[]): string {
  return heroes.map(({ name }) => name).join(', ');
}

async function failureOf(call: Observable<unknown>): Promise<string> {
  try {
    await firstValueFrom(call);
    return 'no failure';
  } catch (error) {
    return isTtrpcError(error) ? `${error.code} ${error.details}` : String(error);
  }
}

function expect(what: string, got: string, wanted: string): void {
  console.log(`${what.padEnd(17)} ${got}`);
  if (got !== wanted) throw new Error(`${what}: expected ${wanted}`);
}

@Module({
  imports: [ClientsModule.register([{ name: 'HERO', customClass: ClientTtrpc, options: HERO }])],
  providers: [Heroes],
})
class ClientModule {}

const app = await NestFactory.createApplicationContext(ClientModule, { logger: ['error', 'warn'] });
try {
  await app.get(Heroes).tour();
} finally {
  await app.close();
}
