import { fromTsProto } from 'nestjs-ttrpc';
import { HeroServiceDefinition } from './codecs/hero.js';

export const definitions = { services: [fromTsProto(HeroServiceDefinition)] };
