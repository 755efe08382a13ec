import { Module } from '@nestjs/common';
import { TerminusModule } from '@nestjs/terminus';
import { healthService, TtrpcModule } from 'nestjs-ttrpc';
import { HERO_SOCKET } from '../hero/hero.js';
import { HealthController } from './health.controller.js';

@Module({
  imports: [
    TerminusModule,
    TtrpcModule.register({
      url: HERO_SOCKET,
      services: [healthService()],
      features: ['grpc.health.v1.Health'],
    }),
  ],
  controllers: [HealthController],
})
export class ProbeModule {}
