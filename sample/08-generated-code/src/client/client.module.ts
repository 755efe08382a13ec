import { Module } from '@nestjs/common';
import { TtrpcModule } from 'nestjs-ttrpc';
import { HERO_SERVICE_NAME } from '../generated/hero.js';
import { HERO } from '../hero.js';
import { Tour } from './tour.js';

@Module({
  imports: [TtrpcModule.register({ ...HERO, features: [HERO_SERVICE_NAME] })],
  providers: [Tour],
})
export class ClientModule {}
