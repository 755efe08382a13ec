import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import type { HealthCheckResult } from '@nestjs/terminus';
import { getTtrpcPromiseServiceToken, ServerTtrpc } from 'nestjs-ttrpc';
import { HERO, HERO_SOCKET } from './hero/hero.js';
import { HeroController } from './hero/hero.controller.js';
import { HeroModule } from './hero/hero.module.js';
import type { HealthService } from './probe/health.service.js';
import { ProbeModule } from './probe/probe.module.js';

const heroes = await NestFactory.createMicroservice(HeroModule, {
  logger: ['error', 'warn'],
  strategy: new ServerTtrpc({ ...HERO, url: HERO_SOCKET, strict: true }),
});
await heroes.listen();

const probe = await NestFactory.create(ProbeModule, { logger: false });
await probe.listen(0, '127.0.0.1');
await report('well');

const watch = probe
  .get<HealthService>(getTtrpcPromiseServiceToken('grpc.health.v1.Health'), { strict: false })
  .watch({ service: 'hero.HeroService' });
for await (const { status } of watch) {
  console.log(`watch: ${status}`);
  if (status === 'NOT_SERVING') break;
  heroes.get(HeroController).fallIll();
}
await report('ill');

await heroes.close();
await report('gone');
await probe.close();

async function report(when: string): Promise<void> {
  const response = await fetch(`${await probe.getUrl()}/health`);
  const { details } = (await response.json()) as HealthCheckResult;
  const indicators = Object.entries(details).map(([name, { status }]) => `${name} is ${status}`);
  console.log(`${when}: ${response.status}, ${indicators.join(', ')}`);
}
