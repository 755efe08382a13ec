import { HEALTH_SERVICE, healthService } from '../proto/health.js';
import { findService, type NamedService } from './definitions.js';
import type { RegisteredHandler } from './handler-binding.js';

/**
 * The services, and the one of health if something serves it that no definition of the
 * application's has.
 */
export function withHealth(
  services: readonly NamedService[],
  handlers: readonly RegisteredHandler[],
): readonly NamedService[] {
  const served = handlers.some(({ pattern }) => pattern.service === HEALTH_SERVICE);
  if (!served || findService(services, HEALTH_SERVICE) !== undefined) return services;
  return [...services, { definition: healthService(), names: [HEALTH_SERVICE] }];
}
