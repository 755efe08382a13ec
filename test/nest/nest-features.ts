import * as microservices from '@nestjs/microservices';

/** What the Nest that the specs run on has: Nest 11 none of it, 12.0 no dispatch hook. */
export const HAS = {
  grpcExceptions: 'GrpcExceptionFilter' in microservices,
  dispatchHook: 'setOnDispatchHook' in microservices.ClientProxy.prototype,
  transportServer: 'getTransportServer' in microservices.NestMicroservice.prototype,
} as const;

/** Ends the titles of what is skipped where Nest lacks it, so that a report says why. */
export const NEEDS_NEWER_NEST = '(needs a newer Nest)';
