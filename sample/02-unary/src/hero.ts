import { join } from 'node:path';

/** What server and client are told alike. */
export const HERO = {
  url: 'unix:hero.sock',
  package: 'hero',
  protoPath: join(import.meta.dirname, '../proto/hero.proto'),
} as const;

/** The messages of hero.proto. */
export interface HeroById {
  id: number;
}

export interface NewHero {
  name: string;
}

export interface Hero {
  id: number;
  name: string;
}
