import { DefinitionError } from '../errors.js';
import { methodSpellings } from '../proto/method-names.js';
import type {
  BidirectionalHandler,
  ClientStreamingHandler,
  Handler,
  ServerStreamingHandler,
  UnaryHandler,
} from '../rpc/call.js';
import type {
  MethodDefinition,
  ServiceDefinition,
  TypedService,
} from '../rpc/method-definition.js';

/**
 * The methods of a service, by their name in the .proto (`SayHello`) or in camel case; for a typed
 * service as the generated code spells them.
 */
export type ServiceImplementation<Service extends ServiceDefinition = ServiceDefinition> =
  Service extends TypedService<infer Methods>
    ? { readonly [Name in keyof Methods]?: HandlerOf<Methods[Name]> }
    : Readonly<Record<string, Handler>>;

/** The handler of a method whose kind and messages TypeScript knows. */
type HandlerOf<Method> =
  Method extends MethodDefinition<infer Request, infer Response, infer Kind>
    ? {
        unary: UnaryHandler<Request, Response>;
        serverStreaming: ServerStreamingHandler<Request, Response>;
        clientStreaming: ClientStreamingHandler<Request, Response>;
        bidirectional: BidirectionalHandler<Request, Response>;
      }[Kind]
    : never;

/**
 * The methods that an implementation has a function for, each with its own.
 *
 * @throws DefinitionError when a function belongs to no method
 */
export function handlersOf(
  service: ServiceDefinition,
  handlers: ServiceImplementation,
): [method: MethodDefinition, handler: Handler][] {
  const unused = new Set(Object.keys(handlers).filter((key) => isImplemented(handlers, key)));
  const served: [method: MethodDefinition, handler: Handler][] = [];
  for (const method of service.methods) {
    const name = methodSpellings(method.name).find((key) => isImplemented(handlers, key));
    if (name === undefined) continue;
    unused.delete(name);
    served.push([method, (handlers[name] as Handler).bind(handlers)]);
  }
  if (unused.size > 0) {
    const known = service.methods.map(({ name }) => name).join(', ');
    throw new DefinitionError(
      `${[...unused].join(', ')}: no such method of ${service.name}, which has ${known}`,
    );
  }
  return served;
}

/** Own functions and those of a class count; what every object inherits does not. */
function isImplemented(implementation: ServiceImplementation, key: string): boolean {
  const inherited = (Object.prototype as Record<string, unknown>)[key];
  return typeof implementation[key] === 'function' && implementation[key] !== inherited;
}
