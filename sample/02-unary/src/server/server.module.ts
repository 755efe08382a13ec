import { Module } from '@nestjs/common';
import { HeroController } from './hero.controller.js';
import { HeroesRepository } from './heroes.repository.js';

@Module({ controllers: [HeroController], providers: [HeroesRepository] })
export class ServerModule {}
