import { HeroServiceService } from './gen/hero.js';

export const definitions = { packageDefinition: { 'hero.v1.HeroService': HeroServiceService } };
