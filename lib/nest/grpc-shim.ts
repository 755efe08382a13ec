import { Server, ServerGrpc } from '@nestjs/microservices';

/**
 * A `Server` that `instanceof ServerGrpc` takes for one of its own.
 *
 * Nest gives a handler payload, metadata and call only when its server is an instance of
 * `ServerGrpc`, and the payload alone otherwise (`listeners-controller.js`; nestjs/nest#5705,
 * closed). Extending `ServerGrpc` would load grpc-js in its constructor, so this has its prototype
 * in the chain and nothing of it: not its constructor, not one of its members.
 */
function GrpcShim(): Server {
  return Reflect.construct(Server, [], new.target ?? GrpcShim) as Server;
}

const prototype = Object.create(ServerGrpc.prototype) as object;
for (const name of Object.getOwnPropertyNames(ServerGrpc.prototype)) {
  const own = Object.getOwnPropertyDescriptor(Server.prototype, name);
  Object.defineProperty(
    prototype,
    name,
    own ?? { value: undefined, writable: true, configurable: true },
  );
}
Object.defineProperty(prototype, 'constructor', { value: GrpcShim });
GrpcShim.prototype = prototype;

/** Nest's `Server` as a base class: that it is the shim shows only at run time. */
export const ServerBase = GrpcShim as unknown as abstract new <
  Events extends Record<string, (...values: never[]) => void>,
  Status extends string,
>() => Server<Events, Status>;
