import { UsageError } from '../errors.js';
import { fullMethod } from '../spec/method.js';
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
  readonly #byHash = new Map<number, Route[]>();
  /** Full names of the methods. */
  readonly #methods = new Set<string>();
  /** Names of the services, in bytes. */
  readonly #services = new Map<string, Buffer>();
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
    const added = new Map<string, (typeof methods)[number]>();
    for (const each of methods) {
      const [{ service, name }] = each;
      const full = fullMethod(service, name);
      if (this.#methods.has(full) || added.has(full)) {
        throw new UsageError(`${full} has a handler already`);
      }
      added.set(full, each);
    }
    for (const [full, [method, handler]] of added) {
      this.#methods.add(full);
      this.#add(method, handler);
    }
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

  #add(method: MethodDefinition, handler: RawHandler): void {
    const serviceName = this.#services.get(method.service) ?? Buffer.from(method.service);
    const methodName = Buffer.from(method.name);
    const service = hash(serviceName, 0, serviceName.length, SEED);
    const key = hash(methodName, 0, methodName.length, service);
    const routes = this.#byHash.get(key) ?? [];
    routes.push({ method, handler, serviceName, methodName });
    this.#byHash.set(key, routes);
    this.#services.set(method.service, serviceName);
  }
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
