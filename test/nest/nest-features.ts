import * as microservices from '@nestjs/microservices';

/** What the Nest that the specs run on has; Nest 11 has none of it. */
export const HAS = {
  grpcExceptions: 'GrpcExceptionFilter' in microservices,
  dispatchHook: 'setOnDispatchHook' in microservices.ClientProxy.prototype,
  transportServer: 'getTransportServer' in microservices.NestMicroservice.prototype,
} as const;

/** Ends the titles of what is skipped where Nest lacks it, so that a report says why. */
export const NEEDS_NEST_12 = '(needs Nest 12)';
