import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type protobuf from 'protobufjs';
import { describe, expect, it } from 'vitest';
import { DefinitionError } from '../../lib/errors.js';
import { readDescriptorSet } from '../../lib/proto/descriptor-set.js';
import { loadServices } from '../../lib/proto/service-definition.js';
import { decoded, encoded, hex } from './codecs.js';

const require = createRequire(import.meta.url);
const { FileDescriptorSet } = require('protobufjs/ext/descriptor') as Record<string, protobuf.Type>;

/** As protoc writes it for a proto3 file with one service. */
function descriptorSet(requestType = '.pkg.v1.Hero'): Uint8Array {
  const set = FileDescriptorSet!.fromObject({
    file: [
      {
        name: 'hero.proto',
        package: 'pkg.v1',
        syntax: 'proto3',
        messageType: [
          {
            name: 'Hero',
            field: [
              { name: 'first_name', number: 1, label: 1, type: 9, jsonName: 'firstName' },
              { name: 'big_number', number: 2, label: 1, type: 3, jsonName: 'bigNumber' },
              {
                name: 'to_do',
                number: 3,
                label: 1,
                type: 9,
                oneofIndex: 0,
                jsonName: 'toDo',
              },
              {
                name: 'side_kick',
                number: 4,
                label: 1,
                type: 11,
                typeName: '.pkg.v1.Hero.Side',
                jsonName: 'sideKick',
              },
              { name: 'line_2', number: 5, label: 3, type: 5, jsonName: 'line2' },
            ],
            oneofDecl: [{ name: 'the_choice' }],
            nestedType: [
              {
                name: 'Side',
                field: [{ name: 'nick_name', number: 1, label: 1, type: 12, jsonName: 'nickName' }],
              },
            ],
          },
        ],
        service: [
          {
            name: 'HeroService',
            method: [
              { name: 'Find', inputType: requestType, outputType: '.pkg.v1.Hero.Side' },
              {
                name: 'Watch',
                inputType: '.pkg.v1.Hero',
                outputType: '.pkg.v1.Hero',
                clientStreaming: true,
                serverStreaming: true,
              },
            ],
          },
        ],
      },
    ],
  });
  return FileDescriptorSet!.encode(set).finish();
}

//                  first_name = "a"   big_number = 1   to_do = "b"   side_kick.nick_name = 00   line_2 = 1, 2
const MESSAGE = hex(
  '0a 01 61          10 01            1a 01 62      22 03 0a 01 00              2a 02 01 02',
);

describe('readDescriptorSet', () => {
  it('names fields as the .proto files would', () => {
    const [service] = loadServices({
      descriptorSet: descriptorSet(),
      loader: { longs: Number, oneofs: true },
    }).services;
    const message = {
      firstName: 'a',
      bigNumber: 1,
      toDo: 'b',
      theChoice: 'toDo',
      sideKick: { nickName: Buffer.from([0]) },
      line_2: [1, 2],
    };
    const codec = service!.methods[0]!.request;
    expect(decoded(codec, MESSAGE)).toEqual(message);
    expect(encoded(codec, message)).toEqual(MESSAGE);
  });

  it('keeps the names of fields when asked', () => {
    const [service] = loadServices({
      descriptorSet: descriptorSet(),
      loader: { keepCase: true },
    }).services;
    expect(decoded(service!.methods[0]!.request, MESSAGE)).toMatchObject({
      first_name: 'a',
      side_kick: { nick_name: Buffer.from([0]) },
    });
  });

  it('gives services with the kinds of their methods', () => {
    const { services } = loadServices({ descriptorSet: descriptorSet() });
    expect(services).toMatchObject([
      {
        name: 'pkg.v1.HeroService',
        methods: [
          { name: 'Find', kind: 'unary' },
          { name: 'Watch', kind: 'bidirectional' },
        ],
      },
    ]);
  });

  it('names extensions as the .proto files would', () => {
    const extension = (name: string, number: number): object => ({
      name,
      number,
      label: 1,
      type: 9,
      extendee: '.pkg.Extended',
    });
    const message = {
      name: 'Extended',
      extensionRange: [{ start: 100, end: 200 }],
      extension: [extension('at_home', 101)],
    };
    const file = {
      package: 'pkg',
      messageType: [message],
      extension: [extension('far_away', 100)],
    };
    const set = FileDescriptorSet!.encode(FileDescriptorSet!.fromObject({ file: [file] })).finish();
    const names = (keepCase: boolean): string[] =>
      Object.keys(
        readDescriptorSet(set, { keepCase }).lookupType('pkg.Extended').fields,
      ).toSorted();
    expect(names(false)).toEqual(['.pkg.Extended.atHome', '.pkg.farAway']);
    expect(names(true)).toEqual(['.pkg.Extended.at_home', '.pkg.far_away']);
  });

  it('reads a file', () => {
    const folder = mkdtempSync(join(tmpdir(), 'sets-'));
    try {
      const file = join(folder, 'hero.binpb');
      writeFileSync(file, descriptorSet());
      expect(loadServices({ descriptorSet: file }).services).toHaveLength(1);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('says which file is missing', () => {
    const read = (): unknown => readDescriptorSet('/absent/hero.binpb', { keepCase: false });
    expect(read).toThrow(DefinitionError);
    expect(read).toThrow('cannot read descriptorSet /absent/hero.binpb: ENOENT');
  });

  it('says when bytes are something else', () => {
    const read = (): unknown => readDescriptorSet(hex('0a ff 01'), { keepCase: false });
    expect(read).toThrow(DefinitionError);
    expect(read).toThrow('cannot use descriptorSet as a FileDescriptorSet: ');
  });

  it('names a type that the set lacks', () => {
    const load = (): unknown => loadServices({ descriptorSet: descriptorSet('.pkg.v1.Gone') });
    expect(load).toThrow(DefinitionError);
    expect(load).toThrow(/pkg\.v1\.Gone/);
  });
});
