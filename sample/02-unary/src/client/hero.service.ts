import type { CallOptions } from 'nestjs-ttrpc';
import type { Observable } from 'rxjs';
import type { Hero, HeroById, NewHero } from '../hero.js';

/** What the client's stub of hero.HeroService has. */
export interface HeroService {
  findOne(request: HeroById, options?: CallOptions): Observable<Hero>;
  create(request: NewHero, options?: CallOptions): Observable<Hero>;
  retire(request: HeroById, options?: CallOptions): Observable<object>;
}
