import { join } from 'node:path';
import { HERO_PACKAGE_NAME } from './generated/hero.js';

/** What server and client are told alike. */
export const HERO = {
  url: 'unix:hero.sock',
  package: HERO_PACKAGE_NAME,
  protoPath: join(import.meta.dirname, '../proto/hero.proto'),
  // The generated types have numbers for 64 bits, and lists and maps that are never absent.
  loader: { longs: Number, arrays: true, objects: true },
} as const;
