import { join } from 'node:path';

export const HERO_SOCKET = 'unix:hero.sock';

export const HERO = {
  package: 'hero',
  protoPath: join(import.meta.dirname, '../../proto/hero.proto'),
} as const;
