import { fileURLToPath } from 'node:url';
import protobuf from 'protobufjs';
import { describe, expect, it } from 'vitest';
import { DefinitionError } from '../../lib/errors.js';
import { loadSource, type ProtoSource } from '../../lib/proto/load.js';

const FILE = fileURLToPath(new URL('fixtures/everything.proto', import.meta.url));

describe('loadSource', () => {
  it('resolves a root', () => {
    const { root } = protobuf.parse('syntax = "proto3"; message A { B b = 1; } message B {}');
    const loaded = loadSource({ root, loader: { longs: String } });
    expect(loaded).toEqual({ root, conversion: { longs: String } });
    expect(root.lookupType('A').fields['b']?.resolved).toBe(true);
  });

  it('gives a package definition as it is', () => {
    const packageDefinition = {};
    expect(loadSource({ packageDefinition })).toEqual({ packageDefinition });
  });

  it('reads one path or several', () => {
    for (const protoPath of [FILE, [FILE]]) {
      const loaded = loadSource({ protoPath }) as { root: protobuf.Root };
      expect(loaded.root.lookupService('EverythingService').methodsArray).toHaveLength(2);
    }
  });

  it('refuses a root with a reference that leads nowhere', () => {
    const { root } = protobuf.parse('syntax = "proto3"; message A { Gone gone = 1; }');
    expect(() => loadSource({ root })).toThrow(DefinitionError);
  });

  const kinds =
    'exactly one of protoPath, packageDefinition, root, descriptorSet, services must be given';
  const services = 'services must be a list of services, as fromTsProto gives them';

  it.each([
    [{}, `${kinds}, got none of them`],
    [{ protoPath: undefined, loader: {} }, `${kinds}, got none of them`],
    [{ protoPath: 'a', root: {} }, `${kinds}, got protoPath and root`],
    [{ protoPath: 7 }, 'protoPath must be a path or a list of paths, got 7'],
    [{ protoPath: '' }, 'protoPath must be a path or a list of paths, got ""'],
    [{ protoPath: [] }, 'protoPath must be a path or a list of paths, got an array'],
    [{ protoPath: ['a', 7] }, 'protoPath must be a path or a list of paths, got an array'],
    [{ packageDefinition: 'a' }, 'packageDefinition must be an object, got "a"'],
    [{ packageDefinition: null }, 'packageDefinition must be an object, got null'],
    [{ descriptorSet: {} }, 'descriptorSet must be a Uint8Array or a path, got an object'],
    [{ descriptorSet: '' }, 'descriptorSet must be a Uint8Array or a path, got ""'],
    [{ services: [] }, `${services}, got an array`],
    [{ services: [{ name: 'pkg.Service' }] }, `${services}, got an array`],
    [{ services: 'pkg.Service' }, `${services}, got "pkg.Service"`],
    [{ root: {} }, 'root must be a Root of the protobufjs that this package finds, got an object'],
    [
      { root: { resolveAll: () => undefined } },
      'root must be a Root of the protobufjs that this package finds, got an object of another copy of protobufjs',
    ],
    [{ protoPath: FILE, loader: { json: 1 } }, 'loader.json must be true or false, got 1'],
  ])('refuses %o', (source, message) => {
    expect(() => loadSource(source as unknown as ProtoSource)).toThrow(new TypeError(message));
  });
});
