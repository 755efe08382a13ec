import { UsageError } from '../errors.js';
import type { RequestView } from '../wire/request-codec.js';
import type { MethodDefinition } from './method-definition.js';
import type { RawHandler } from './server-call.js';

/** A method that is served. */
export interface Route {
  readonly method: MethodDefinition;
  readonly handler: RawHandler;
  readonly serviceName: Buffer;
  readonly methodName: Buffer;
}

/**
 * Finds the handler that a request names. It compares bytes, since making the two strings would
 * cost more than the rest of the look-up: first with the last route, then by a hash.
 */
export class ServiceRegistry {
  #byHash: ReadonlyMap<number, readonly Route[]> = new Map();
  readonly #services = new Set<string>();
  #last: Route | undefined;

  /** @throws UsageError when the method is served already */
  add(method: MethodDefinition, handler: RawHandler): void {
    this.addAll([[method, handler]]);
  }

  /**
   * Serves all of several methods, or none.
   *
   * @throws UsageError when one of them is served already
   */
  addAll(methods: readonly (readonly [method: MethodDefinition, handler: RawHandler])[]): void {
    const byHash = new Map(this.#byHash);
    for (const [method, handler] of methods) addRoute(byHash, method, handler);
    this.#byHash = byHash;
    for (const [method] of methods) this.#services.add(method.service);
  }

  /** Whether any method of this service is served. */
  hasService(service: string): boolean {
    return this.#services.has(service);
  }

  /** The route that the request names, or `undefined`. */
  find(view: RequestView): Route | undefined {
    const last = this.#last;
    if (last !== undefined && names(last, view)) return last;
    const { bytes } = view;
    const service = hash(bytes, view.serviceStart, view.serviceEnd, SEED);
    const found = this.#byHash
      .get(hash(bytes, view.methodStart, view.methodEnd, service))
      ?.find((route) => names(route, view));
    if (found !== undefined) this.#last = found;
    return found;
  }
}

function addRoute(
  byHash: Map<number, readonly Route[]>,
  method: MethodDefinition,
  handler: RawHandler,
): void {
  const serviceName = Buffer.from(method.service);
  const methodName = Buffer.from(method.name);
  const service = hash(serviceName, 0, serviceName.length, SEED);
  const key = hash(methodName, 0, methodName.length, service);
  const routes = byHash.get(key) ?? [];
  if (routes.some((other) => sameMethod(other.method, method))) {
    throw new UsageError(`/${method.service}/${method.name} has a handler already`);
  }
  byHash.set(key, [...routes, { method, handler, serviceName, methodName }]);
}

function sameMethod(one: MethodDefinition, other: MethodDefinition): boolean {
  return one.service === other.service && one.name === other.name;
}

function names(route: Route, view: RequestView): boolean {
  return (
    equals(route.methodName, view.bytes, view.methodStart, view.methodEnd) &&
    equals(route.serviceName, view.bytes, view.serviceStart, view.serviceEnd)
  );
}

function equals(name: Buffer, bytes: Buffer, start: number, end: number): boolean {
  const { length } = name;
  if (end - start !== length) return false;
  for (let at = 0; at < length; at++) {
    if (name[at] !== bytes[start + at]) return false;
  }
  return true;
}

/** FNV-1a, 32 bits. Source: draft-eastlake-fnv, "The core of the FNV hash". */
const SEED = 0x811c9dc5;
const PRIME = 0x01000193;

function hash(bytes: Buffer, start: number, end: number, seed: number): number {
  let value = seed;
  for (let at = start; at < end; at++) value = Math.imul(value ^ (bytes[at] as number), PRIME);
  return value;
}
