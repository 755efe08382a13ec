import { Module } from '@nestjs/common';
import { TtrpcModule } from 'nestjs-ttrpc';
import { HERO } from './hero/hero.js';
import { HeroController } from './hero/hero.controller.js';
import { HeroesController } from './http/heroes.controller.js';

@Module({
  imports: [TtrpcModule.register({ ...HERO, features: ['hero.HeroService'] })],
  controllers: [HeroController, HeroesController],
})
export class AppModule {}
