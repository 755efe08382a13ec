import { Injectable } from '@nestjs/common';
import type { Hero } from '../hero.js';

@Injectable()
export class HeroesRepository {
  private readonly heroes = new Map<number, Hero>([[1, { id: 1, name: 'Ada' }]]);
  private lastId = 1;

  async find(id: number): Promise<Hero | undefined> {
    return this.heroes.get(id);
  }

  async add(name: string): Promise<Hero> {
    const hero = { id: ++this.lastId, name };
    this.heroes.set(hero.id, hero);
    return hero;
  }

  async remove(id: number): Promise<void> {
    this.heroes.delete(id);
  }
}
