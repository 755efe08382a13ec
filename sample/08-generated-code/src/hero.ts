import { join } from 'node:path';
import { HERO_PACKAGE_NAME } from './generated/hero.js';

/** What server and client are told alike. */
export const HERO = {
  url: 'unix:hero.sock',
  package: HERO_PACKAGE_NAME,
  protoPath: join(import.meta.dirname, '../proto/hero.proto'),
  // The generated types say that lists are never absent.
  loader: { defaults: true },
} as const;
