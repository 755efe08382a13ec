import protobuf from 'protobufjs';
import type { ServiceDefinition } from '../rpc/method-definition.js';
import { loadServices } from './service-definition.js';

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

/** The definition of {@link HEALTH_SERVICE}, for servers whose .proto files have none. */
export function healthService(): ServiceDefinition {
  const { root } = protobuf.parse(HEALTH_PROTO);
  return loadServices({ root, loader: { defaults: true, enums: String } }).service(HEALTH_SERVICE);
}
