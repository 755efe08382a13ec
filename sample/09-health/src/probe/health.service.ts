import { join } from 'node:path';
import type { CallOptions } from 'nestjs-ttrpc';

export const HEALTH = {
  package: 'grpc.health.v1',
  protoPath: join(import.meta.dirname, '../../proto/health.proto'),
  loader: { enums: String, defaults: true },
} as const;

export interface HealthRequest {
  service: string;
}

export interface HealthResponse {
  status: 'NOT_SERVING' | 'SERVICE_UNKNOWN' | 'SERVING' | 'UNKNOWN';
}

/** grpc.health.v1.Health, as `getPromiseService` gives it. */
export interface HealthService {
  check(request: HealthRequest, options?: CallOptions): Promise<HealthResponse>;
  watch(request: HealthRequest, options?: CallOptions): AsyncIterable<HealthResponse>;
}
