import { join } from 'node:path';

/** The messages of hero.proto; int32 and string need no conversion. */
export interface Hero {
  id: number;
  name: string;
}

export interface HeroById {
  id: number;
}

export interface Roster {
  names: string[];
}

export interface Greeting {
  text: string;
}

/** What server and client both need to know. */
export const HERO = {
  url: 'unix:hero.sock',
  package: 'hero',
  protoPath: join(import.meta.dirname, '../proto/hero.proto'),
} as const;
