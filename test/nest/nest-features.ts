import * as microservices from '@nestjs/microservices';

/** Nest before 11.1.2 makes a TCP server of whatever a factory gives. */
function takesStrategyOfFactory(): boolean {
  const strategy = { listen: () => undefined, close: () => undefined };
  const app = Object.create(microservices.NestMicroservice.prototype) as {
    createServer(options: object): void;
    serverInstance: unknown;
  };
  app.createServer({ useFactory: () => ({ strategy }), inject: [] });
  return app.serverInstance === strategy;
}

/** What the Nest that the specs run on has: Nest 11 none of it, 12.0 no dispatch hook. */
export const HAS = {
  grpcExceptions: 'GrpcExceptionFilter' in microservices,
  dispatchHook: 'setOnDispatchHook' in microservices.ClientProxy.prototype,
  transportServer: 'getTransportServer' in microservices.NestMicroservice.prototype,
  strategyOfFactory: takesStrategyOfFactory(),
} as const;

/** Ends the titles of what is skipped where Nest lacks it, so that a report says why. */
export const NEEDS_NEWER_NEST = '(needs a newer Nest)';
