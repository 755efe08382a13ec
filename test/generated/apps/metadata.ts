import { Metadata } from '@grpc/grpc-js';
import { Controller } from '@nestjs/common';
import type { TtrpcDefinitionOptions } from 'nestjs-ttrpc';
import { concatMap, EMPTY, from, lastValueFrom, of, toArray, type Observable } from 'rxjs';
import { definitions as given } from './definitions.js';
import {
  HeroServiceControllerMethods,
  type Hero,
  type HeroById,
  type HeroServiceClient,
  type HeroServiceController,
} from './gen/hero.js';
import type { Empty } from './gen/google/protobuf/empty.js';
import { plainHero } from './values.js';

export const definitions: TtrpcDefinitionOptions = given;

function keyOf(metadata: Metadata): Hero {
  return { ...plainHero, name: [...metadata.get('key'), metadata.getMap()['key']].join() };
}

@Controller()
@HeroServiceControllerMethods()
export class HeroController implements HeroServiceController {
  count(_request: Empty, metadata: Metadata): HeroById {
    return { id: metadata.get('key').length };
  }

  forget(): void {}

  echo(_request: Hero, metadata: Metadata, ...rest: unknown[]): Hero {
    return { ...keyOf(metadata), id: rest.length };
  }

  getUrlInfo(_request: HeroById, metadata: Metadata): Hero {
    return keyOf(metadata);
  }

  list(_request: HeroById, metadata: Metadata): Observable<Hero> {
    return of(keyOf(metadata));
  }

  sum(requests: Observable<HeroById>, metadata: Metadata): Observable<HeroById> {
    return requests.pipe(
      toArray(),
      concatMap(() => of({ id: metadata.get('key').length })),
    );
  }

  talk(_requests: Observable<Hero>, metadata: Metadata): Observable<Hero> {
    return of(keyOf(metadata));
  }
}

/** What each kind of handler has seen of the caller's metadata. */
export async function callAll(heroes: HeroServiceClient) {
  const metadata = new Metadata();
  metadata.set('key', 'one');
  const echo = await lastValueFrom(heroes.echo(plainHero, metadata));
  const seen = [
    lastValueFrom(heroes.getUrlInfo({ id: 1 }, metadata)),
    lastValueFrom(heroes.list({ id: 1 }, metadata)),
    lastValueFrom(heroes.talk(EMPTY, metadata)),
  ];
  return {
    echo: { name: echo.name, restOfArguments: echo.id },
    names: (await Promise.all(seen)).map(({ name }) => name),
    count: await lastValueFrom(heroes.count({}, metadata)),
    sum: await lastValueFrom(heroes.sum(from([{ id: 1 }]), metadata)),
  };
}
