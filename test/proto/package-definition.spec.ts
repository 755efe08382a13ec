import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { DefinitionError } from '../../lib/errors.js';
import { packageServices } from '../../lib/proto/package-definition.js';
import { loadServices } from '../../lib/proto/service-definition.js';
import { decoded, encoded, hex } from './codecs.js';
import { protoLoaderAsInstalled } from './proto-loader.js';

const FILE = fileURLToPath(new URL('fixtures/everything.proto', import.meta.url));
const packageDefinition = protoLoaderAsInstalled().loadSync(FILE, { longs: String });

describe('packageServices', () => {
  it('finds the services and their kinds', () => {
    expect(packageServices(packageDefinition)).toMatchObject([
      {
        name: 'everything.v1.EverythingService',
        methods: [
          { service: 'everything.v1.EverythingService', name: 'Echo', kind: 'unary' },
          { name: 'GetURLInfo', kind: 'serverStreaming' },
        ],
      },
    ]);
  });

  it('encodes and decodes by the functions of the definition', () => {
    const [{ request } = expect.unreachable()] = packageServices(packageDefinition)[0]!.methods;
    expect(encoded(request, { anInt64: '5' })).toEqual(hex('20 05'));
    expect(decoded(request, hex('20 05   7a 01 ff'))).toEqual({
      anInt64: '5',
      someBytes: Buffer.from([0xff]),
    });
  });

  it.each([undefined, null])('encodes %s as the empty message', (nothing) => {
    const [{ response } = expect.unreachable()] = packageServices(packageDefinition)[0]!.methods;
    expect(encoded(response, nothing)).toHaveLength(0);
  });

  it('takes a method of the name format for a method', () => {
    const { Echo } = packageDefinition['everything.v1.EverythingService'] as { Echo: object };
    const format = { ...Echo, path: '/pkg.Printer/format' };
    const [service] = packageServices({ 'pkg.Printer': { format } });
    expect(service?.methods.map((method) => method.name)).toEqual(['format']);
  });

  it('takes the name of a method from its path, whatever its key', () => {
    const { GetURLInfo } = packageDefinition['everything.v1.EverythingService'] as {
      GetURLInfo: object;
    };
    const [service] = packageServices({
      'everything.v1.EverythingService': { getUrlInfo: GetURLInfo },
    });
    expect(service?.methods.map((method) => method.name)).toEqual(['GetURLInfo']);
    const [pathless] = packageServices({ 'pkg.S': { Do: { ...GetURLInfo, path: undefined } } });
    expect(pathless?.methods.map((method) => method.name)).toEqual(['Do']);
  });

  it('names a method that lacks a direction', () => {
    const { Echo } = packageDefinition['everything.v1.EverythingService'] as unknown as {
      Echo: { requestDeserialize: unknown };
    };
    const { requestDeserialize: _, ...oneWay } = Echo;
    const read = (): unknown => packageServices({ 'pkg.Service': { Do: oneWay } });
    expect(read).toThrow(DefinitionError);
    expect(read).toThrow('method pkg.Service.Echo must have requestSerialize, requestDeserialize');
  });
});

describe('packageMessage', () => {
  const catalog = loadServices({ packageDefinition });

  it('opens and closes messages of its types', () => {
    const any = catalog.encodeAny('everything.v1.Everything', { aString: 'a' });
    expect(any).toEqual({
      typeUrl: 'type.googleapis.com/everything.v1.Everything',
      value: hex('72 01 61'),
    });
    expect(catalog.decodeAny(any)?.message).toEqual({ aString: 'a' });
  });

  it('knows neither services nor enums nor what objects inherit', () => {
    for (const name of ['everything.v1.EverythingService', 'everything.v1.Color', 'toString']) {
      expect(catalog.decodeAny({ typeUrl: name, value: Buffer.alloc(0) })).toBeUndefined();
    }
    expect(() => catalog.encodeAny('everything.v1.Everythin', {})).toThrow(
      'unknown message type everything.v1.Everythin; did you mean everything.v1.Everything?',
    );
  });

  it('does without the types of a proto-loader that gives no functions for them', () => {
    const { serialize: _, ...described } = packageDefinition['everything.v1.Empty'] as {
      serialize?: unknown;
    };
    const older = loadServices({ packageDefinition: { 'everything.v1.Empty': described } });
    const any = { typeUrl: 'everything.v1.Empty', value: Buffer.alloc(0) };
    expect(older.decodeAny(any)).toBeUndefined();
    expect(older.services).toEqual([]);
  });
});
