import { Controller } from '@nestjs/common';
import type { TtrpcDefinitionOptions } from 'nestjs-ttrpc';
import { from, lastValueFrom, map, reduce, toArray, type Observable } from 'rxjs';
import { definitions as given } from './definitions.js';
import {
  HeroServiceControllerMethods,
  type Hero,
  type HeroById,
  type HeroServiceClient,
  type HeroServiceController,
} from './gen/hero.js';
import { hero, plainHero } from './values.js';

export { hero, plainHero };

export const definitions: TtrpcDefinitionOptions = given;

/** What the handlers that answer with nothing have seen. */
export const forgotten: number[] = [];

@Controller()
@HeroServiceControllerMethods()
export class HeroController implements HeroServiceController {
  count(): HeroById {
    return { id: 3 };
  }

  forget({ id }: HeroById): void {
    forgotten.push(id);
  }

  echo(request: Hero): Hero {
    return request;
  }

  async getUrlInfo({ id }: HeroById): Promise<Hero> {
    return { ...plainHero, id };
  }

  list({ id }: HeroById): Observable<Hero> {
    return from([plainHero, { ...plainHero, id }]);
  }

  sum(requests: Observable<HeroById>): Observable<HeroById> {
    return requests.pipe(
      reduce((sum, { id }) => sum + id, 0),
      map((id) => ({ id })),
    );
  }

  talk(requests: Observable<Hero>): Observable<Hero> {
    return requests.pipe(map((each) => ({ ...each, name: each.name.toUpperCase() })));
  }
}

/** Calls each method once; `which` goes there and back. */
export async function callAll(heroes: HeroServiceClient, which: Hero) {
  return {
    count: await lastValueFrom(heroes.count({})),
    forget: await lastValueFrom(heroes.forget({ id: 7 })),
    echo: await lastValueFrom(heroes.echo(which)),
    getUrlInfo: await lastValueFrom(heroes.getUrlInfo({ id: 8 })),
    list: await lastValueFrom(heroes.list({ id: 9 }).pipe(toArray())),
    sum: await lastValueFrom(heroes.sum(from([{ id: 1 }, { id: 2 }, { id: 3 }]))),
    talk: await lastValueFrom(heroes.talk(from([which, plainHero])).pipe(toArray())),
  };
}
