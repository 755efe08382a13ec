import { createParamDecorator, type PipeTransform, type Type } from '@nestjs/common';
import { MessagePattern } from '@nestjs/microservices';
import type { Metadata } from '../spec/metadata.js';
import { callArgument } from './call-of.js';
import type { HandlerStreaming, MethodPattern } from './handler-binding.js';
import { TTRPC_TRANSPORT } from './ttrpc.constants.js';

/**
 * Marks a method as the handler of an rpc with one request (unary or server streaming), over ttrpc
 * alone: the twin of `@GrpcMethod`, whose handlers every gRPC server of the application serves too.
 *
 * @param service - bare, relative or full name; the class's name when left out
 * @param method - the rpc's name; the function's with its first letter upper case when left out
 * @example
 * ```ts
 * @Controller()
 * class HeroController {
 *   @TtrpcMethod('HeroService')
 *   findOne({ id }: { id: number }) {
 *     return { id, name: 'Ada' };
 *   }
 * }
 * ```
 */
export function TtrpcMethod(service?: string, method?: string): MethodDecorator {
  return mark('no_stream', service, method);
}

/** The same for an rpc with a stream of requests, which the handler gets as an Observable. */
export function TtrpcStreamMethod(service?: string, method?: string): MethodDecorator {
  return mark('rx_stream', service, method);
}

/** The same for an rpc with a stream of requests, whose handler gets the call as a stream. */
export function TtrpcStreamCall(service?: string, method?: string): MethodDecorator {
  return mark('pt_stream', service, method);
}

/**
 * A handler's call, whatever the handler's kind: a `TtrpcServerCall`, or the `TtrpcDuplexCall` of a
 * pass-through handler; `TtrpcContext` is what both have.
 *
 * As with Nest's own, a handler with one decorated parameter gets nothing in those without.
 *
 * @example
 * ```ts
 * class HeroController {
 *   @GrpcMethod('HeroService')
 *   findOne(@Payload('id') id: number, @TtrpcCall() { signal }: TtrpcContext) {
 *     return heroes.find(id, signal);
 *   }
 * }
 * ```
 */
export const TtrpcCall: () => ParameterDecorator = createParamDecorator((_data: unknown, host) =>
  callArgument(host),
);

const metadataOf = createParamDecorator((key: string | undefined, host) => {
  const { metadata } = callArgument(host) as { metadata: Metadata };
  return key === undefined ? metadata : metadata.get(key)[0];
});

/**
 * A call's metadata, whatever the handler's kind, or the first value of one of its keys.
 *
 * @param key - absent for all of it
 * @param pipes - transform or check the value
 * @example
 * ```ts
 * class HeroController {
 *   @GrpcMethod('HeroService')
 *   findOne(@Payload('id') id: number, @TtrpcMetadata('user') user: string | undefined) {
 *     return { id, name: user };
 *   }
 * }
 * ```
 */
export function TtrpcMetadata(
  key?: string,
  ...pipes: (Type<PipeTransform> | PipeTransform)[]
): ParameterDecorator {
  return metadataOf(key, ...pipes);
}

function mark(
  streaming: HandlerStreaming,
  service: string | undefined,
  method: string | undefined,
): MethodDecorator {
  return (target, key, descriptor) => {
    const name = String(key);
    const pattern: MethodPattern = {
      service: service ?? target.constructor.name,
      rpc: method ?? name.charAt(0).toUpperCase() + name.slice(1),
      streaming,
    };
    return MessagePattern(pattern, TTRPC_TRANSPORT)(target, key, descriptor as never) as never;
  };
}
