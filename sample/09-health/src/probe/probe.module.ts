import { Module } from '@nestjs/common';
import { TerminusModule } from '@nestjs/terminus';
import { TtrpcModule } from 'nestjs-ttrpc';
import { HERO_SOCKET } from '../hero/hero.js';
import { HealthController } from './health.controller.js';
import { HEALTH } from './health.service.js';

@Module({
  imports: [TerminusModule, TtrpcModule.register({ ...HEALTH, url: HERO_SOCKET })],
  controllers: [HealthController],
})
export class ProbeModule {}
