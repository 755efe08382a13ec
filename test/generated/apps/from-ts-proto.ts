import { fromTsProto } from 'nestjs-ttrpc';
import { HeroServiceDefinition } from './gen/hero.js';

export const definitions = { services: [fromTsProto(HeroServiceDefinition)] };
