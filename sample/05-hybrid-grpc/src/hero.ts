import { join } from 'node:path';
import type { Observable } from 'rxjs';

/** What both servers and both clients are told. */
export const HERO = {
  package: 'hero',
  protoPath: join(import.meta.dirname, '../proto/hero.proto'),
};

/** For callers on this machine. */
export const SOCKET = 'unix:hero.sock';

/** The messages of hero.proto. */
export interface HeroById {
  id: number;
}

export interface Hero {
  id: number;
  name: string;
}

/** What the stubs of both clients have. */
export interface HeroService {
  findOne(request: HeroById): Observable<Hero>;
}
