import { join } from 'node:path';
import type { CallOptions } from 'nestjs-ttrpc';
import type { Observable } from 'rxjs';

/** What server and client are told alike. */
export const HERO = {
  url: 'unix:hero.sock',
  package: 'hero',
  protoPath: join(import.meta.dirname, '../../proto/hero.proto'),
} as const;

/** The messages of hero.proto. */
export interface HeroById {
  id: number;
}

export interface Hero {
  id: number;
  name: string;
}

/** What the client's stub of hero.HeroService has. */
export interface HeroService {
  findOne(request: HeroById, options?: CallOptions): Observable<Hero>;
}
