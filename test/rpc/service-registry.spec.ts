import { describe, expect, it } from 'vitest';
import { UsageError } from '../../lib/errors.js';
import { ServiceRegistry } from '../../lib/rpc/service-registry.js';
import { RequestView } from '../../lib/wire/request-codec.js';
import { Unary } from './text-service.js';

/** A request that names a method; the names stand somewhere in the bytes. */
function request(service: string, name: string): RequestView {
  const view = new RequestView();
  view.bytes = Buffer.from(`??${service}?${name}?`);
  view.serviceStart = 2;
  view.serviceEnd = 2 + Buffer.byteLength(service);
  view.methodStart = view.serviceEnd + 1;
  view.methodEnd = view.methodStart + Buffer.byteLength(name);
  return view;
}

const handler = (): void => {};

describe('ServiceRegistry', () => {
  it('finds the method that a request names, again and again, among many', () => {
    const registry = new ServiceRegistry();
    const names = Array.from({ length: 300 }, (_, n) => [`pkg.S${n % 7}`, `Методы${n}`] as const);
    for (const [service, name] of names) registry.add({ ...Unary, service, name }, handler);
    for (const [service, name] of [...names, ...names]) {
      expect(registry.find(request(service, name))?.method).toMatchObject({ service, name });
      expect(registry.find(request(service, name))?.method).toMatchObject({ service, name });
    }
  });

  it('does not confuse where the service ends', () => {
    const registry = new ServiceRegistry();
    registry.add({ ...Unary, service: 'a.b', name: 'cd' }, handler);
    expect(registry.find(request('a.bc', 'd'))).toBeUndefined();
    expect(registry.find(request('a.b', 'cd'))).toBeDefined();
    expect(registry.find(request('a.b', 'ce'))).toBeUndefined();
    expect(registry.find(request('', ''))).toBeUndefined();
  });

  it('knows whether any method of a service is served', () => {
    const registry = new ServiceRegistry();
    registry.add(Unary, handler);
    expect(registry.hasService('test.Text')).toBe(true);
    expect(registry.hasService('test')).toBe(false);
  });

  it('adds all of several methods, or none', () => {
    const registry = new ServiceRegistry();
    registry.add(Unary, handler);
    const other = { ...Unary, service: 'other' };
    for (const last of [Unary, other]) {
      const methods = [
        [other, handler],
        [last, handler],
      ] as const;
      expect(() => registry.addAll(methods)).toThrow(UsageError);
      expect(registry.hasService('other')).toBe(false);
      expect(registry.find(request('other', 'Unary'))).toBeUndefined();
    }
  });

  it('refuses a second handler', () => {
    const registry = new ServiceRegistry();
    registry.add(Unary, handler);
    const add = (): void => registry.add({ ...Unary }, handler);
    expect(add).toThrow(UsageError);
    expect(add).toThrow('/test.Text/Unary has a handler already');
  });
});
