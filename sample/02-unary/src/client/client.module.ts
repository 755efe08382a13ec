import { Module } from '@nestjs/common';
import { TtrpcModule } from 'nestjs-ttrpc';
import { HERO } from '../hero.js';
import { Tour } from './tour.js';

@Module({
  imports: [TtrpcModule.register({ ...HERO, features: ['hero.HeroService'] })],
  providers: [Tour],
})
export class ClientModule {}
