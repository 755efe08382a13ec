import { describe, expect, it } from 'vitest';
import type { ServiceDefinition } from '../../lib/rpc/method-definition.js';
import { findService, loadDefinitions, type NamedService } from '../../lib/nest/definitions.js';
import { ROOM } from './app.js';

const service = (name: string): ServiceDefinition => ({ name, methods: [] });

/** A service as if under the package `acme`. */
function named(name: string): NamedService {
  const relative = name.replace(/^acme\./, '');
  return { definition: service(name), names: [relative, name, name.replace(/.*\./, '')] };
}

describe('findService', () => {
  const services = ['acme.v1.Room', 'acme.v2.Room', 'acme.Room', 'v1.Room'].map(named);

  it.each([
    ['v1.Room', 'acme.v1.Room'],
    ['acme.v2.Room', 'acme.v2.Room'],
    ['Room', 'acme.Room'],
  ])('takes %s for %s, whose surest name it is', (name, expected) => {
    expect(findService(services, name)?.name).toBe(expected);
  });

  it('takes the first of equals, and nothing for a name that none has', () => {
    expect(findService(services.slice(0, 2), 'Room')?.name).toBe('acme.v1.Room');
    expect(findService(services, 'Rom')).toBeUndefined();
  });
});

describe('loadDefinitions', () => {
  it('has each service once, though several packages mean it', () => {
    const { services } = loadDefinitions({ ...ROOM, package: ['acme.v1', 'acme'] });
    expect(services.map(({ definition }) => definition.name)).toEqual([
      'acme.v1.RoomService',
      'acme.v1.NameService',
    ]);
    expect(services[0]?.names).toEqual(['RoomService', 'acme.v1.RoomService']);
  });
});
