import type { MessageHandler } from '@nestjs/microservices';
import { methodsBySpelling } from '../proto/method-names.js';
import { suggestNames } from '../proto/nearest-names.js';
import type { MethodDefinition } from '../rpc/method-definition.js';
import { fullMethod, METHOD_SHAPES } from '../spec/method.js';
import { findService, findServices, type NamedService } from './definitions.js';

/** How a decorator says that a handler takes its requests. */
export type HandlerStreaming = 'no_stream' | 'rx_stream' | 'pt_stream';

/** The pattern that `@GrpcMethod` and its kin leave on a handler. */
export interface MethodPattern {
  readonly service: string;
  readonly rpc: string;
  readonly streaming: HandlerStreaming;
}

/** A handler that Nest has handed over. */
export interface RegisteredHandler {
  readonly pattern: MethodPattern;
  readonly handler: MessageHandler;
}

/** A method and the handler that serves it. */
export interface BoundMethod {
  readonly method: MethodDefinition;
  readonly handler: MessageHandler;
  readonly streaming: HandlerStreaming;
}

/** Who serves what, and what does not fit. */
export interface Binding {
  readonly bound: readonly BoundMethod[];
  /** Handlers that will never be called; worth refusing to start. */
  readonly faults: readonly string[];
  /** Methods that nobody serves: callers get UNIMPLEMENTED. */
  readonly gaps: readonly string[];
}

/** Reads a pattern; any other than a method's (another transport's, an event's) is `undefined`. */
export function methodPattern(pattern: unknown): MethodPattern | undefined {
  if (typeof pattern !== 'object' || pattern === null) return undefined;
  const { service, rpc, streaming } = pattern as Record<string, unknown>;
  if (typeof service !== 'string' || typeof rpc !== 'string') return undefined;
  return isStreaming(streaming) ? { service, rpc, streaming } : undefined;
}

function isStreaming(value: unknown): value is HandlerStreaming {
  return value === 'no_stream' || value === 'rx_stream' || value === 'pt_stream';
}

/** How many methods a handler's name means: the fewer, the surer. */
interface Candidate extends BoundMethod {
  readonly meant: number;
}

/**
 * Finds the methods of every handler, and what was mistaken. A name that services of several
 * packages have means each of them, save for methods that have a handler by a name of their own.
 */
export function bindHandlers(
  services: readonly NamedService[],
  handlers: readonly RegisteredHandler[],
): Binding {
  const byMethod = new Map<MethodDefinition, Candidate>();
  const faults: string[] = [];
  for (const { pattern, handler } of handlers) {
    const methods = findMethods(services, pattern);
    if (methods.length === 0) faults.push(unknown(services, pattern));
    for (const method of methods) {
      const fault =
        misfit(method, pattern) ??
        enter(byMethod, { method, handler, streaming: pattern.streaming, meant: methods.length });
      if (fault !== undefined) faults.push(`${describe(pattern)}: ${fault}`);
    }
  }
  return { bound: [...byMethod.values()], faults, gaps: gapsOf(services, byMethod) };
}

/** The methods that a pattern means: of each service that has its name. */
function findMethods(
  services: readonly NamedService[],
  { service, rpc }: MethodPattern,
): MethodDefinition[] {
  return findServices(services, service).flatMap(
    (definition) => methodsBySpelling(definition).get(rpc) ?? [],
  );
}

/** Makes a handler that of its method if no other's name is surer; says when one is as sure. */
function enter(
  byMethod: Map<MethodDefinition, Candidate>,
  candidate: Candidate,
): string | undefined {
  const { method, meant } = candidate;
  const rival = byMethod.get(method)?.meant ?? Infinity;
  if (meant <= rival) byMethod.set(method, candidate);
  return meant === rival
    ? `${pathOf(method)} has a handler already; the last one serves it`
    : undefined;
}

/** Why a pattern means no method. */
function unknown(services: readonly NamedService[], pattern: MethodPattern): string {
  const service = findService(services, pattern.service);
  if (service === undefined) {
    const known = services.flatMap(({ names }) => names);
    return `${describe(pattern)}: no such service${suggestNames(pattern.service, known)}`;
  }
  const known = service.methods.map(({ name }) => name);
  return `${describe(pattern)}: no such method of ${service.name}${suggestNames(pattern.rpc, known)}`;
}

/** Why a handler can't serve the method that it names. */
function misfit(method: MethodDefinition, pattern: MethodPattern): string | undefined {
  const { requestStream } = METHOD_SHAPES[method.kind];
  if (requestStream === (pattern.streaming !== 'no_stream')) return undefined;
  const wanted = requestStream
    ? '@GrpcStreamMethod or @GrpcStreamCall, since it takes a stream'
    : '@GrpcMethod, since it takes one request';
  return `${pathOf(method)} needs ${wanted}`;
}

function gapsOf(
  services: readonly NamedService[],
  bound: ReadonlyMap<MethodDefinition, unknown>,
): string[] {
  return services.flatMap(({ definition }) => {
    const open = definition.methods.filter((method) => !bound.has(method));
    if (open.length === 0) return [];
    return [`${definition.name}: no handler for ${open.map(({ name }) => name).join(', ')}`];
  });
}

function describe({ service, rpc }: MethodPattern): string {
  return `handler ${service}.${rpc}`;
}

function pathOf({ service, name }: MethodDefinition): string {
  return fullMethod(service, name);
}
