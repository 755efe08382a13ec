import type { MethodDefinition, TypedService } from '../rpc/method-definition.js';
import { loadProtoText } from './proto-text.js';

/** Full name of the service by which a server says whether it works. */
export const HEALTH_SERVICE = 'grpc.health.v1.Health';

/** Names and numbers, as gRPC's health checking protocol has them ("GRPC Health Checking Protocol"). */
const HEALTH_PROTO = `
  syntax = "proto3";
  package grpc.health.v1;
  service Health {
    rpc Check(HealthCheckRequest) returns (HealthCheckResponse);
    rpc Watch(HealthCheckRequest) returns (stream HealthCheckResponse);
  }
  message HealthCheckRequest { string service = 1; }
  message HealthCheckResponse {
    enum ServingStatus { UNKNOWN = 0; SERVING = 1; NOT_SERVING = 2; SERVICE_UNKNOWN = 3; }
    ServingStatus status = 1;
  }
`;

/** Asks for a service by its full name; `''` is the whole server. */
export interface HealthRequest {
  /** Full name, as `hero.HeroService`. */
  readonly service?: string;
}

/** What a server says of a service. */
export interface HealthResponse {
  /** Whether it takes calls. */
  readonly status: 'NOT_SERVING' | 'SERVICE_UNKNOWN' | 'SERVING' | 'UNKNOWN';
}

/** The methods of `grpc.health.v1.Health`. */
export interface HealthMethods {
  /** One answer; NOT_FOUND for a service that the server does not know. */
  readonly check: MethodDefinition<HealthRequest, HealthResponse, 'unary'>;
  /** An answer now, and one with each change. */
  readonly watch: MethodDefinition<HealthRequest, HealthResponse, 'serverStreaming'>;
}

/**
 * The definition of `grpc.health.v1.Health`, for the option `services` and for the engine, without a
 * .proto file.
 *
 * @example
 * ```ts
 * const health = healthService();
 * const nest = new ClientTtrpc({ url, services: [health] });
 * const engine = new TtrpcClient({ address: url });
 * const { status } = await engine.unary(health.method.check, { service: 'hero.HeroService' });
 * ```
 */
export function healthService(): TypedService<HealthMethods> {
  const catalog = loadProtoText(HEALTH_PROTO, { defaults: true, enums: String });
  const method = {
    check: catalog.method(HEALTH_SERVICE, 'Check'),
    watch: catalog.method(HEALTH_SERVICE, 'Watch'),
  } as HealthMethods;
  return { ...catalog.service(HEALTH_SERVICE), method };
}
