import 'reflect-metadata';
import { Controller, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { GrpcMethod, GrpcStreamMethod, RpcException } from '@nestjs/microservices';
import { ServerTtrpc, StatusCode, type Metadata } from 'nestjs-ttrpc';
import { from, map, timer, toArray, type Observable } from 'rxjs';
import { HERO, type Greeting, type Hero, type HeroById, type Roster } from './hero.js';

const HEROES: readonly Hero[] = [
  { id: 1, name: 'Ada' },
  { id: 2, name: 'Grace' },
  { id: 3, name: 'Barbara' },
];

@Controller()
class HeroController {
  @GrpcMethod('HeroService')
  findOne({ id }: HeroById): Hero {
    const hero = HEROES.find((candidate) => candidate.id === id);
    if (hero !== undefined) return hero;
    throw new RpcException({ code: StatusCode.NotFound, message: `no hero has the id ${id}` });
  }

  @GrpcMethod('HeroService')
  findMany(): Observable<Hero> {
    return from(HEROES);
  }

  @GrpcStreamMethod('HeroService')
  recruit(heroes: Observable<Hero>): Observable<Roster> {
    return heroes.pipe(
      map(({ name }) => name),
      toArray(),
      map((names) => ({ names })),
    );
  }

  @GrpcStreamMethod('HeroService')
  rename(heroes: Observable<Hero>): Observable<Hero> {
    return heroes.pipe(map(({ id, name }) => ({ id, name: `Captain ${name}` })));
  }

  @GrpcMethod('HeroService')
  greet(_request: object, metadata: Metadata): Greeting {
    return { text: `hello, ${metadata.get('user').join(' and ')}` };
  }

  @GrpcMethod('HeroService')
  train({ id }: HeroById): Observable<Hero> {
    // Unsubscribed from when the caller's deadline has passed, or the caller is gone.
    return timer(60_000).pipe(map(() => this.findOne({ id })));
  }
}

@Module({ controllers: [HeroController] })
class HeroModule {}

const app = await NestFactory.createMicroservice(HeroModule, {
  logger: ['error', 'warn'],
  strategy: new ServerTtrpc(HERO),
});
app.enableShutdownHooks();
const address: unknown = await app.listen();
console.log(`server listens on ${String(address)}`);
// For main.ts, which waits for it.
process.send?.('listens');
