import { createRpc } from 'nestjs-ttrpc';
import type { TtrpcClient } from 'nestjs-ttrpc/engine';
import { from, lastValueFrom, toArray } from 'rxjs';
import { Hero, HeroServiceClientImpl } from './gen/hero.js';

/** Calls a server through the generated client. */
export async function callAll(client: TtrpcClient) {
  const heroes = new HeroServiceClientImpl(createRpc(client));
  const hero = Hero.fromPartial({ id: 1, name: 'Ada', since: new Date(5), motto: 'onward' });
  const [{ id: counted }, { name, since, motto }, { id: summed }] = await Promise.all([
    heroes.Count({}),
    heroes.Echo(hero),
    heroes.Sum(from([{ id: 1 }, { id: 2 }])),
  ]);
  const listed = await lastValueFrom(heroes.List({ id: 4 }).pipe(toArray()));
  const talked = await lastValueFrom(heroes.Talk(from([hero, hero])).pipe(toArray()));
  return {
    counted,
    echoed: { name, since, motto },
    names: listed.map((each) => each.name),
    summed,
    ids: talked.map((each) => each.id),
  };
}
