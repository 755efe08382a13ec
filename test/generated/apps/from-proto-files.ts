import { fileURLToPath } from 'node:url';
import { HERO_V1_PACKAGE_NAME } from './gen/hero.js';
import { loader } from './values.js';

export const definitions = {
  package: HERO_V1_PACKAGE_NAME,
  protoPath: fileURLToPath(new URL('../../proto/hero.proto', import.meta.url)),
  loader,
};
