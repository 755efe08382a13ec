import { from, isObservable, of, type Observable } from 'rxjs';
import { DefinitionError, StatusError } from '../errors.js';
import { ClientTtrpc } from '../nest/client-ttrpc.js';
import { findService, loadDefinitions, type Definitions } from '../nest/definitions.js';
import { iterate } from '../nest/observable-iterable.js';
import type { TtrpcDefinitionOptions } from '../nest/ttrpc-options.interface.js';
import { methodsBySpelling } from '../proto/method-names.js';
import { suggestNames } from '../proto/nearest-names.js';
import type { CallOptions } from '../rpc/call.js';
import type { ClientInterceptor, OutgoingCall } from '../rpc/interceptor.js';
import type { MethodDefinition, ServiceDefinition } from '../rpc/method-definition.js';
import { isAsyncIterable, isIterable } from '../rpc/pump.js';
import { onlyMessage } from '../rpc/single-message.js';
import { toMetadata, type Metadata } from '../spec/metadata.js';
import { METHOD_SHAPES } from '../spec/method.js';
import { StatusCode } from '../spec/status.js';
import { createDuplexPair } from './duplex-pair.js';

/**
 * Answers a call instead of a server, with a value, a Promise or an Observable; a stream of
 * responses may be an (async) iterable too. What it throws is the call's error.
 *
 * @param request - as the caller gave it; a stream of requests is an Observable
 */
export type StubHandler = (request: never, metadata: Metadata, options: CallOptions) => unknown;

/**
 * Objects with stubs of methods, each a {@link StubHandler}, by the service's name. Names may be in
 * any spelling that clients know; an instance of a class will do.
 */
export type ServiceStubs = Readonly<Record<string, Readonly<Record<string, StubHandler>> | object>>;

/**
 * A `ClientTtrpc` whose calls end in functions: for `overrideProvider`, or to be given to what is
 * tested. There is no server and no encoding, and nobody watches deadlines; everything else is the
 * real client. Methods without a stub fail with UNIMPLEMENTED.
 *
 * @param definitions - where the services are from, as for `ClientTtrpc`
 * @throws DefinitionError when a stub belongs to no service or method, naming the nearest
 * @example
 * ```ts
 * const client = stubClient(
 *   { package: 'hero', protoPath },
 *   { HeroService: { findOne: ({ id }: { id: number }) => of({ id, name: 'Ada' }) } },
 * );
 * Test.createTestingModule({ imports: [HeroesModule] }).overrideProvider('HERO').useValue(client);
 * ```
 */
export function stubClient(definitions: TtrpcDefinitionOptions, stubs: ServiceStubs): ClientTtrpc {
  const {
    package: packages,
    protoPath,
    packageDefinition,
    root,
    descriptorSet,
    services,
    loader,
    protoLoader,
  } = definitions;
  const source = {
    package: packages,
    protoPath,
    packageDefinition,
    root,
    descriptorSet,
    services,
    loader,
    protoLoader,
  };
  const handlers = handlersOf(loadDefinitions(source), stubs);
  return new ClientTtrpc({
    ...source,
    // Whoever connects gets a connection on which nothing ever happens.
    dial: () => createDuplexPair()[0],
    interceptors: [answerFrom(handlers)],
  });
}

type Handlers = ReadonlyMap<string, StubHandler>;

/** The stubs by the full name of their method. */
function handlersOf({ services }: Definitions, stubs: ServiceStubs): Handlers {
  const handlers = new Map<string, StubHandler>();
  for (const [serviceName, given] of Object.entries(stubs)) {
    const methods = given as Readonly<Record<string, unknown>>;
    const service = findService(services, serviceName);
    if (service === undefined) {
      const known = services.map(({ definition }) => definition.name);
      throw new DefinitionError(
        `unknown service ${serviceName}${suggestNames(serviceName, known)}`,
      );
    }
    const bySpelling = methodsBySpelling(service);
    const functions = Object.keys(methods).filter((name) => typeof methods[name] === 'function');
    refuseUnknown(
      service,
      functions.filter((name) => !bySpelling.has(name)),
    );
    for (const [spelling, method] of bySpelling) {
      const handler = methods[spelling];
      if (isStub(handler, spelling)) handlers.set(keyOf(method), handler.bind(methods));
    }
  }
  return handlers;
}

function refuseUnknown(service: ServiceDefinition, [name]: readonly string[]): void {
  if (name === undefined) return;
  const known = service.methods.map((method) => method.name);
  throw new DefinitionError(`${service.name} has no method ${name}${suggestNames(name, known)}`);
}

/** Own functions and those of a class count; what every object inherits does not. */
function isStub(given: unknown, name: string): given is StubHandler {
  return (
    typeof given === 'function' && given !== (Object.prototype as Record<string, unknown>)[name]
  );
}

function keyOf({ service, name }: MethodDefinition): string {
  return `${service}/${name}`;
}

/** Ends each call here. */
function answerFrom(handlers: Handlers): ClientInterceptor {
  const handlerOf = (method: MethodDefinition): StubHandler => {
    const handler = handlers.get(keyOf(method));
    if (handler !== undefined) return handler;
    const message = `${keyOf(method)} has no stub`;
    throw new StatusError({ code: StatusCode.Unimplemented, message });
  };
  return {
    unary: async (request, call) => onlyMessage(answer(handlerOf(call.method), request, call)),
    stream: async function* (requests, call) {
      const handler = handlerOf(call.method);
      const { requestStream } = METHOD_SHAPES[call.method.kind];
      yield* answer(handler, requestStream ? from(requests) : await onlyMessage(requests), call);
    },
  };
}

/** What the handler answers, until the call is given up. */
async function* answer(
  handler: StubHandler,
  request: unknown,
  { method, options }: OutgoingCall,
): AsyncGenerator<unknown, void> {
  const signal = options.signal ?? new AbortController().signal;
  const given = await handler(request as never, toMetadata(options.metadata), options);
  yield* iterate(toObservable(given, METHOD_SHAPES[method.kind].responseStream), signal);
  if (!signal.aborted) return;
  const message = 'call was given up';
  throw new StatusError({ code: StatusCode.Cancelled, message }, { cause: signal.reason });
}

function toObservable(given: unknown, stream: boolean): Observable<unknown> {
  if (isObservable(given)) return given;
  if (stream && (isAsyncIterable(given) || isIterable(given))) return from(given);
  return of(given);
}
