import { describe, expect, it } from 'vitest';
import { DefinitionError } from '../../lib/errors.js';
import {
  fromGrpcJs,
  fromProtobufEs,
  fromTsProto,
  type ProtobufEsService,
} from '../../lib/proto/generated-services.js';
import { loadServices } from '../../lib/proto/service-definition.js';
import { decoded, encoded, hex } from './codecs.js';

// Stand for generated codecs; generated.spec.ts has the real ones.
const text = {
  encode: (message: string) => ({ finish: () => Buffer.from(message) }),
  decode: (bytes: Uint8Array) => ({ text: Buffer.from(bytes).toString(), is: bytes.constructor }),
};
const kinds = [
  ['unary', false, false],
  ['serverStreaming', false, true],
  ['clientStreaming', true, false],
  ['bidirectional', true, true],
] as const;

describe('fromTsProto', () => {
  const method = { name: 'SayHello', requestType: text, responseType: text };

  it.each(kinds)('finds a %s method', (kind, requestStream, responseStream) => {
    const service = fromTsProto({
      fullName: 'pkg.Greeter',
      methods: { sayHello: { ...method, requestStream, responseStream } },
    });
    expect(service).toMatchObject({ name: 'pkg.Greeter', methods: [service.method.sayHello] });
    expect(service.method.sayHello).toMatchObject({
      service: 'pkg.Greeter',
      name: 'SayHello',
      kind,
    });
  });

  it('gives codecs bytes that are no Buffer', () => {
    const { method: methods } = fromTsProto({
      fullName: 'pkg.Greeter',
      methods: { sayHello: { ...method, requestStream: false, responseStream: false } },
    });
    expect(encoded(methods.sayHello.request, 'a')).toEqual(hex('61'));
    expect(decoded(methods.sayHello.response, hex('61'))).toEqual({ text: 'a', is: Uint8Array });
    expect(encoded(methods.sayHello.response, undefined)).toHaveLength(0);
  });

  it('refuses what is something else', () => {
    const other = { typeName: 'pkg.Greeter', methods: [] } as unknown;
    const read = (): unknown => fromTsProto(other as Parameters<typeof fromTsProto>[0]);
    expect(read).toThrow(DefinitionError);
    expect(read).toThrow(
      'fromTsProto needs a definition of outputServices=generic-definitions, got an object',
    );
  });
});

describe('fromGrpcJs', () => {
  const functions = {
    requestSerialize: (message: string) => Buffer.from(message),
    requestDeserialize: (bytes: Buffer) => bytes.toString(),
    responseSerialize: (message: string) => Buffer.from(message),
    responseDeserialize: (bytes: Buffer) => bytes.toString(),
  };

  it.each(kinds)('finds a %s method, by its path', (kind, requestStream, responseStream) => {
    const path = '/pkg.Greeter/SayHello';
    const service = fromGrpcJs({ sayHello: { ...functions, path, requestStream, responseStream } });
    expect(service).toMatchObject({ name: 'pkg.Greeter', methods: [service.method.sayHello] });
    expect(service.method.sayHello).toMatchObject({
      service: 'pkg.Greeter',
      name: 'SayHello',
      kind,
    });
    expect(decoded(service.method.sayHello.request, hex('61'))).toBe('a');
  });

  it.each([{}, { fullName: 'pkg.Greeter', methods: {} }])('refuses %o', (other: object) => {
    const read = (): unknown => fromGrpcJs(other as Parameters<typeof fromGrpcJs>[0]);
    expect(read).toThrow(DefinitionError);
    expect(read).toThrow('fromGrpcJs needs methods with paths such as /pkg.Service/Method');
  });
});

describe('fromProtobufEs', () => {
  const protobuf = {
    create: (_schema: object, message = '') => message.toUpperCase(),
    toBinary: (_schema: object, message: string) => Buffer.from(message),
    fromBinary: (_schema: object, bytes: Uint8Array) => Buffer.from(bytes).toString(),
  };
  const schema = {};

  it.each([
    ['unary', 'unary'],
    ['serverStreaming', 'server_streaming'],
    ['clientStreaming', 'client_streaming'],
    ['bidirectional', 'bidi_streaming'],
  ] as const)('finds a %s method', (kind, methodKind) => {
    const say = {
      name: 'SayHello',
      localName: 'sayHello',
      methodKind,
      input: schema,
      output: schema,
    };
    const described = { typeName: 'pkg.Greeter', methods: [say], method: { sayHello: say } };
    const service = fromProtobufEs(protobuf, described satisfies ProtobufEsService);
    expect(service).toMatchObject({ name: 'pkg.Greeter', methods: [service.method.sayHello] });
    expect(service.method.sayHello).toMatchObject({
      service: 'pkg.Greeter',
      name: 'SayHello',
      kind,
    });
    expect(encoded(service.method.sayHello.request, 'a')).toEqual(hex('41'));
    expect(decoded(service.method.sayHello.response, hex('61'))).toBe('a');
  });

  it('refuses what is something else', () => {
    const other = { fullName: 'pkg.Greeter', methods: {} } as unknown as ProtobufEsService;
    expect(() => fromProtobufEs(protobuf, other)).toThrow(
      new DefinitionError('fromProtobufEs needs a service of protoc-gen-es, got an object'),
    );
  });
});

describe('loadServices of services', () => {
  const service = fromTsProto({ fullName: 'pkg.v1.Greeter', methods: {} });
  const catalog = loadServices({ services: [service] });

  it('has them by name and by package', () => {
    expect(catalog.service('pkg.v1.Greeter')).toBe(service);
    expect(catalog.inPackage('pkg')).toEqual([service]);
  });

  it('knows none of their message types', () => {
    expect(catalog.decodeAny({ typeUrl: 'pkg.v1.Hello', value: hex('') })).toBeUndefined();
    expect(() => catalog.encodeAny('pkg.v1.Hello', {})).toThrow(
      'unknown message type pkg.v1.Hello',
    );
  });
});
