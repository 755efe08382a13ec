import type { CallOptions, HealthRequest, HealthResponse } from 'nestjs-ttrpc';

/** grpc.health.v1.Health, for `await` and `for await`. */
export interface HealthService {
  check(request: HealthRequest, options?: CallOptions): Promise<HealthResponse>;
  watch(request: HealthRequest, options?: CallOptions): AsyncIterable<HealthResponse>;
}
