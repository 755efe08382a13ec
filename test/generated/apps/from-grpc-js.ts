import { fromGrpcJs } from 'nestjs-ttrpc';
import { HeroServiceService } from './gen/hero.js';

export const definitions = { services: [fromGrpcJs(HeroServiceService)] };
