import { fileURLToPath } from 'node:url';
import protobuf from 'protobufjs';
import { describe, expect, expectTypeOf, it } from 'vitest';
import { DefinitionError } from '../../lib/errors.js';
import type { MethodDefinition } from '../../lib/rpc/method-definition.js';
import { loadServices, type ServiceCatalog } from '../../lib/proto/service-definition.js';
import { decoded, encoded, hex } from './codecs.js';

const FILE = fileURLToPath(new URL('fixtures/everything.proto', import.meta.url));

const SOURCES = [
  'package hero; service B { rpc Do(M) returns (M); } service A {} message M { bytes b = 1; }',
  'package hero.v1; service HeroService {} message Hero { message Power { string name = 1; } }',
  'package heroes; service Other {}',
];

function catalogOf(sources: string[]): ServiceCatalog {
  const root = new protobuf.Root();
  for (const source of sources) protobuf.parse(`syntax = "proto3"; ${source}`, root);
  return loadServices({ root });
}

const names = (services: readonly { name: string }[]): string[] =>
  services.map((service) => service.name);

describe('loadServices', () => {
  it('lets a method open the status details whose types it knows', () => {
    const catalog = catalogOf(SOURCES);
    const [method] = catalog.service('hero.B').methods;
    const open = method?.decodeDetail;
    expect(open?.({ typeUrl: 'any.host/hero.M', value: hex('0a 01 ff') })).toEqual({
      b: hex('ff'),
    });
    expect(open?.({ typeUrl: 'hero.Gone', value: hex('') })).toBeUndefined();
    expect(open?.({ typeUrl: 'hero.M', value: hex('0a 05') })).toBeUndefined();
  });

  it('lets a method encode the status details whose types it knows', () => {
    const [method] = catalogOf(SOURCES).service('hero.B').methods;
    const detail = { typeUrl: 'any.host/hero.M', value: hex(''), message: { b: hex('ff') } };
    expect(method?.encodeDetail?.(detail)).toEqual({
      typeUrl: 'type.googleapis.com/hero.M',
      value: hex('0a 01 ff'),
    });
    expect(() => method?.encodeDetail?.({ ...detail, typeUrl: 'hero.N' })).toThrow(DefinitionError);
  });

  it('types a method as its caller says', () => {
    const method = catalogOf(SOURCES).method<{ b: Buffer }, { b?: Buffer }>('hero.B', 'Do');
    expectTypeOf(method).toEqualTypeOf<MethodDefinition<{ b: Buffer }, { b?: Buffer }>>();
    expectTypeOf(catalogOf(SOURCES).method('hero.B', 'Do')).toEqualTypeOf<MethodDefinition>();
  });

  it('gives services and methods in the order of the .proto', () => {
    const { services } = loadServices({ protoPath: FILE });
    expect(services).toMatchObject([
      {
        name: 'everything.v1.EverythingService',
        methods: [
          { service: 'everything.v1.EverythingService', name: 'Echo', kind: 'unary' },
          { name: 'GetURLInfo', kind: 'serverStreaming' },
        ],
      },
    ]);
    expect(names(catalogOf(SOURCES).services)).toEqual([
      'hero.B',
      'hero.A',
      'hero.v1.HeroService',
      'heroes.Other',
    ]);
  });

  it('converts messages by the loader options', () => {
    const { services } = loadServices({
      protoPath: FILE,
      loader: { longs: String, keepCase: true },
    });
    const { request } = services[0]!.methods[0]!;
    expect(decoded(request, hex('20 05'))).toEqual({ an_int64: '5' });
    expect(encoded(request, { an_int64: '5' })).toEqual(hex('20 05'));
  });

  it('tells the four kinds of methods apart', () => {
    const { services } = catalogOf([
      `message M {} service S {
        rpc Unary(M) returns (M); rpc Server(M) returns (stream M);
        rpc Client(stream M) returns (M); rpc Both(stream M) returns (stream M); }`,
    ]);
    expect(services[0]!.methods.map(({ name, kind }) => [name, kind])).toEqual([
      ['Unary', 'unary'],
      ['Server', 'serverStreaming'],
      ['Client', 'clientStreaming'],
      ['Both', 'bidirectional'],
    ]);
  });
});

describe('ServiceCatalog', () => {
  const catalog = catalogOf(SOURCES);

  it('finds a service by its full name', () => {
    expect(catalog.service('hero.v1.HeroService').name).toBe('hero.v1.HeroService');
  });

  it('names the nearest services when there is none', () => {
    expect(() => catalog.service('HeroService')).toThrow(
      new DefinitionError('unknown service HeroService; did you mean hero.v1.HeroService?'),
    );
  });

  it('finds the services of a package and of those below it', () => {
    expect(names(catalog.inPackage('hero'))).toEqual(['hero.B', 'hero.A', 'hero.v1.HeroService']);
    expect(names(catalog.inPackage('hero.v1'))).toEqual(['hero.v1.HeroService']);
    expect(catalog.inPackage('')).toEqual(catalog.services);
  });

  it('names the nearest packages when there is none', () => {
    expect(() => catalog.inPackage('hero.v2')).toThrow(
      new DefinitionError('no service in package hero.v2; did you mean hero.v1?'),
    );
  });

  it('finds a method by its name in any spelling, and names the nearest otherwise', () => {
    const wanted = catalogOf(SOURCES).service('hero.B').methods[0];
    expect(catalogOf(SOURCES).method('hero.B', 'do')).toMatchObject({ name: wanted?.name });
    expect(() => catalogOf(SOURCES).method('hero.B', 'Du')).toThrow(
      new DefinitionError('unknown method Du of hero.B; did you mean Do?'),
    );
    expect(() => catalogOf(SOURCES).method('hero.C', 'Do')).toThrow('unknown service hero.C');
  });

  it('opens an Any by its type, with any prefix or none', () => {
    const value = hex('0a 01 61');
    for (const prefix of ['', 'type.googleapis.com/', 'example.com/types/']) {
      const any = { typeUrl: `${prefix}hero.v1.Hero.Power`, value };
      expect(catalog.decodeAny(any)).toEqual({
        typeName: 'hero.v1.Hero.Power',
        message: { name: 'a' },
      });
    }
  });

  it('opens an Any whose bytes are part of a larger array, and copies what it keeps', () => {
    const bytes = Uint8Array.from([0xff, 0x0a, 0x01, 0x61, 0xff]);
    const opened = catalog.decodeAny({ typeUrl: 'hero.M', value: bytes.subarray(1, 4) });
    bytes.fill(0);
    expect(opened?.message).toEqual({ b: Buffer.from('a') });
  });

  it('leaves an Any of a type that it does not know', () => {
    expect(catalog.decodeAny({ typeUrl: 'x/hero.Gone', value: hex('') })).toBeUndefined();
    expect(catalog.decodeAny({ typeUrl: '', value: hex('') })).toBeUndefined();
  });

  it('throws on an Any whose bytes are not of its type', () => {
    expect(() => catalog.decodeAny({ typeUrl: 'hero.M', value: hex('0a 05') })).toThrow(RangeError);
  });

  it('closes a message into an Any', () => {
    for (const name of ['hero.M', 'type.googleapis.com/hero.M']) {
      expect(catalog.encodeAny(name, { b: Buffer.alloc(300, 1) })).toEqual({
        typeUrl: 'type.googleapis.com/hero.M',
        value: Buffer.concat([hex('0a ac02'), Buffer.alloc(300, 1)]),
      });
    }
    expect(catalog.encodeAny('hero.M', undefined).value).toHaveLength(0);
  });

  it('names the nearest types when a message is of none', () => {
    expect(() => catalog.encodeAny('hero.v1.Power', {})).toThrow(
      new DefinitionError('unknown message type hero.v1.Power; did you mean hero.v1.Hero.Power?'),
    );
  });
});
