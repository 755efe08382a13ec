import { Controller, Inject, Module } from '@nestjs/common';
import { RpcException } from '@nestjs/microservices';
import { map, type Observable } from 'rxjs';
import { HEALTH_SERVICE } from '../proto/health.js';
import { StatusCode } from '../spec/status.js';
import { TtrpcHealth } from './ttrpc-health.js';
import { TtrpcMethod } from './ttrpc.decorators.js';

interface HealthRequest {
  readonly service?: string;
}

interface HealthResponse {
  readonly status: string;
}

@Controller()
class HealthController {
  readonly #health: TtrpcHealth;

  constructor(@Inject(TtrpcHealth) health: TtrpcHealth) {
    this.#health = health;
  }

  @TtrpcMethod(HEALTH_SERVICE, 'Check')
  check({ service = '' }: HealthRequest): HealthResponse {
    const status = this.#health.get(service);
    if (status !== undefined) return { status };
    throw new RpcException({ code: StatusCode.NotFound, message: `unknown service ${service}` });
  }

  @TtrpcMethod(HEALTH_SERVICE, 'Watch')
  watch({ service = '' }: HealthRequest): Observable<HealthResponse> {
    return this.#health.watch(service).pipe(map((status) => ({ status })));
  }
}

/**
 * Serves `grpc.health.v1.Health`, without a .proto file: `Check` answers with what {@link TtrpcHealth}
 * was told, `Watch` streams it. A `Watch` is a call in flight, for which a graceful shutdown waits.
 *
 * @example
 * ```ts
 * @Module({ imports: [TtrpcHealthModule] })
 * class AppModule {
 *   constructor(health: TtrpcHealth) {
 *     health.set('hero.HeroService', 'SERVING');
 *   }
 * }
 * ```
 */
@Module({ controllers: [HealthController], providers: [TtrpcHealth], exports: [TtrpcHealth] })
export class TtrpcHealthModule {}
