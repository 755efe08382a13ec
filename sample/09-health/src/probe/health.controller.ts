import { Controller, Get } from '@nestjs/common';
import {
  HealthCheck,
  HealthCheckService,
  HealthIndicatorService,
  MicroserviceHealthIndicator,
  type HealthCheckAttempt,
  type HealthCheckResult,
} from '@nestjs/terminus';
import { InjectTtrpcPromiseService, ttrpcClient } from 'nestjs-ttrpc';
import { HERO, HERO_SOCKET } from '../hero/hero.js';
import type { HealthService } from './health.service.js';

/** Tells over HTTP how the server on the socket is. */
@Controller('health')
export class HealthController {
  constructor(
    private readonly checks: HealthCheckService,
    private readonly microservice: MicroserviceHealthIndicator,
    private readonly indicators: HealthIndicatorService,
    @InjectTtrpcPromiseService('grpc.health.v1.Health') private readonly health: HealthService,
  ) {}

  @Get()
  @HealthCheck()
  check(): Promise<HealthCheckResult> {
    return this.checks.check([this.ping(), this.ask('hero.HeroService')]);
  }

  /** Whether the server can be reached. Terminus wants to see a `transport`; none is ours. */
  private ping(): HealthCheckAttempt {
    const server = ttrpcClient({ ...HERO, url: HERO_SOCKET });
    return this.microservice
      .pingCheck('socket', { transport: undefined, ...server })
      .withTimeout(5000);
  }

  /** What the service says of itself. */
  private ask(service: string): HealthCheckAttempt {
    return this.indicators.check(service).attempt(async ({ signal }) => {
      const { status } = await this.health.check({ service }, { timeoutMs: 5000, signal });
      if (status !== 'SERVING') throw new Error(status);
    });
  }
}
