import { Module } from '@nestjs/common';
import { TtrpcHealthModule } from 'nestjs-ttrpc';
import { HeroController } from './hero.controller.js';

/** The import serves grpc.health.v1.Health. */
@Module({ imports: [TtrpcHealthModule], controllers: [HeroController] })
export class HeroModule {}
