import { chmodSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import protobuf from 'protobufjs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DefinitionError } from '../../lib/errors.js';
import { resolveLoaderOptions, type LoaderOptions } from '../../lib/proto/loader-options.js';
import { readProtoFiles } from '../../lib/proto/proto-files.js';
import { definitionsOf, fullNameOf, resolveReferences } from '../../lib/proto/reflection.js';
import { protoLoaderAsInstalled } from './proto-loader.js';

const protoLoader = protoLoaderAsInstalled();

/** A message of each name, and imports. */
function proto(messages: string[], imports: string[] = []): string {
  const lines = imports.map((path) => `import "${path}";`);
  return `syntax = "proto3"; ${lines.join(' ')} ${messages.map((name) => `message ${name} {}`).join(' ')}`;
}

describe('readProtoFiles', () => {
  let folder: string;
  beforeEach(() => {
    folder = realpathSync(mkdtempSync(join(tmpdir(), 'protos-')));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const write = (path: string, content: string): string => {
    const file = join(folder, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, content);
    return file;
  };
  const messages = (paths: string[], loader?: LoaderOptions): string[] =>
    definitionsOf(readProtoFiles(paths, resolveLoaderOptions(loader))).types.map(fullNameOf);
  const failure = (paths: string[], loader?: LoaderOptions): DefinitionError => {
    try {
      messages(paths, loader);
    } catch (error) {
      expect(error).toBeInstanceOf(DefinitionError);
      return error as DefinitionError;
    }
    return expect.unreachable('nothing was thrown');
  };
  /** What proto-loader finds in the same place. */
  const theirs = (paths: string[], includeDirs?: string[]): string[] =>
    Object.entries(protoLoader.loadSync(paths, includeDirs ? { includeDirs } : {}))
      .filter(([, entry]) => entry['format'] === 'Protocol Buffer 3 DescriptorProto')
      .map(([name]) => name);

  it('reads several files in their order, and each file once', () => {
    const common = write('common.proto', proto(['Common']));
    const a = write('a.proto', proto(['A'], ['common.proto']));
    const b = write('b.proto', proto(['B'], ['a.proto', 'common.proto']));
    expect(messages([b, a, common])).toEqual(['B', 'A', 'Common']);
    expect(theirs([b, a, common])).toEqual(['B', 'A', 'Common']);
  });

  it('reads files that import each other', () => {
    const a = write('a.proto', proto(['A'], ['b.proto']));
    write('b.proto', proto(['B'], ['a.proto']));
    expect(messages([a])).toEqual(['A', 'B']);
  });

  it('takes relative paths from the working directory', () => {
    const path = relative(process.cwd(), write('a.proto', proto(['A'])));
    expect(messages([path])).toEqual(['A']);
    expect(theirs([path])).toEqual(['A']);
  });

  it('takes paths and imports from the first folder that has them', () => {
    write('one/shared/a.proto', proto(['FromOne']));
    write('two/shared/a.proto', proto(['FromTwo']));
    write('two/main.proto', proto(['Main'], ['shared/a.proto']));
    const includeDirs = [join(folder, 'absent'), join(folder, 'one'), join(folder, 'two')];
    expect(messages(['main.proto'], { includeDirs })).toEqual(['Main', 'FromOne']);
    expect(theirs(['main.proto'], includeDirs)).toEqual(['Main', 'FromOne']);
  });

  it('takes an import from the folder of the importing file when no include folder has it', () => {
    const main = write('deep/main.proto', proto(['Main'], ['../side/a.proto']));
    write('side/a.proto', proto(['Side'], ['b.proto']));
    write('side/b.proto', proto(['Near']));
    const includeDirs = [join(folder, 'absent')];
    expect(messages([main])).toEqual(['Main', 'Side', 'Near']);
    expect(messages([main], { includeDirs })).toEqual(['Main', 'Side', 'Near']);
    expect(theirs([main], includeDirs)).toEqual(['Main', 'Side', 'Near']);
  });

  it.each([
    'any',
    'duration',
    'empty',
    'field_mask',
    'struct',
    'timestamp',
    'wrappers',
    'api',
    'descriptor',
    'source_context',
    'type',
  ])('knows google/protobuf/%s.proto by itself', (name) => {
    const path = `google/protobuf/${name}.proto`;
    write(path, proto(['NotThisOne']));
    const any = 'google/protobuf/any.proto';
    const main = write('main.proto', proto(['Main'], [path, `vendor/${path}`, any]));
    const found = messages([main], { includeDirs: [folder] });
    expect(found).not.toContain('NotThisOne');
    // proto-loader's type.proto can not be imported together with any.proto.
    const known = name === 'type' ? ['google.protobuf.Type'] : theirs([main], [folder]);
    expect(found).toEqual(expect.arrayContaining([...known, 'google.protobuf.Any', 'Main']));
  });

  it('knows the well-known files together', () => {
    const imports = ['type', 'api', 'source_context', 'any', 'descriptor'];
    const main = write(
      'main.proto',
      proto(
        ['Main'],
        imports.map((name) => `google/protobuf/${name}.proto`),
      ),
    );
    const root = readProtoFiles([main], resolveLoaderOptions({ keepCase: true }));
    resolveReferences(root);
    // proto-loader takes them from definitions without the names of the .proto.
    expect(Object.keys(root.lookupType('google.protobuf.Field').fields)).toContain('typeUrl');
  });

  it('leaves the table of protobufjs as it was', () => {
    const path = 'google/protobuf/descriptor.proto';
    const before = protobuf.common.get(path);
    messages([write('main.proto', proto(['Main'], [path]))]);
    expect(protobuf.common.get(path)).toBe(before);
  });

  it('knows google/api/annotations.proto when there is no such file', () => {
    const path = 'google/api/annotations.proto';
    const main = write('main.proto', proto(['Main'], [path, 'google/api/http.proto']));
    expect(messages([main])).toContain('google.api.HttpRule');
    write(path, proto(['Annotations']));
    expect(messages([main])).toContain('Annotations');
  });

  it('prefers the well-known files to what proto-loader put into the table', () => {
    const path = 'google/protobuf/source_context.proto';
    protobuf.common(path, { nested: { NotThisOne: { fields: {} } } });
    try {
      const main = write('main.proto', proto(['Main'], [path]));
      expect(messages([main])).toEqual(['Main', 'google.protobuf.SourceContext']);
    } finally {
      delete (protobuf.common as unknown as Record<string, unknown>)[path];
    }
  });

  it('takes an absolute path as it is', () => {
    const main = write('main.proto', proto(['Main']));
    write(join('decoy', main), proto(['Decoy']));
    expect(messages([main], { includeDirs: [join(folder, 'decoy')] })).toEqual(['Main']);
  });

  it('notes in what file a definition is', () => {
    const main = write('main.proto', proto(['Main'], ['google/protobuf/any.proto']));
    const root = readProtoFiles([main], resolveLoaderOptions());
    expect(root.lookupType('Main').filename).toBe(main);
    expect(root.files).toEqual([main, 'google/protobuf/any.proto']);
    expect(protobuf.parse).toHaveProperty('filename', null);
  });

  it('takes definitions that the application gave to protobufjs', () => {
    protobuf.common('company/money.proto', { nested: { Money: { fields: {} } } });
    const main = write('main.proto', proto(['Main'], ['company/money.proto']));
    expect(messages([main])).toEqual(['Main', 'Money']);
  });

  it('reads a protobufjs bundle', () => {
    const bundle = { options: { a: 1 }, nested: { pkg: { nested: { M: { fields: {} } } } } };
    const file = write('bundle.json', JSON.stringify(bundle));
    expect(messages([file])).toEqual(['pkg.M']);
    expect(readProtoFiles([file], resolveLoaderOptions()).options).toEqual({ a: 1 });
    expect(messages([write('empty.json', '{}')])).toEqual([]);
  });

  it('converts field names, or keeps them', () => {
    const file = write('a.proto', 'syntax = "proto3"; message M { int32 first_name = 1; }');
    const fields = (keepCase: boolean): string[] =>
      Object.keys(
        readProtoFiles([file], resolveLoaderOptions({ keepCase })).lookupType('M').fields,
      );
    expect(fields(false)).toEqual(['firstName']);
    expect(fields(true)).toEqual(['first_name']);
  });

  it('names a missing file and the folders searched', () => {
    expect(failure(['gone.proto'], { includeDirs: ['x/y', folder] }).message).toBe(
      `cannot find gone.proto; searched: x/y, ${folder}, ${process.cwd()}`,
    );
    const gone = join(folder, 'gone.proto');
    const error = failure([gone]);
    expect(error.message).toBe(`cannot find ${gone}`);
    expect(error.cause).toMatchObject({ code: 'ENOENT' });
  });

  it('names a missing import, the file with it and the folders searched', () => {
    const main = write('sub/main.proto', proto(['Main'], ['other/gone.proto']));
    expect(failure([main], { includeDirs: ['x'] }).message).toBe(
      `cannot find other/gone.proto, imported by ${main}; searched: x, ${join(folder, 'sub')}`,
    );
  });

  it('does without a weak import that is missing', () => {
    const main = write(
      'main.proto',
      'syntax = "proto2"; import weak "gone.proto"; import weak "here.proto"; message Main {}',
    );
    write('here.proto', proto(['Here']));
    expect(messages([main])).toEqual(['Main', 'Here']);
  });

  it('says why a file can not be read', () => {
    const main = write('main.proto', proto(['Main'], ['folder.proto']));
    mkdirSync(join(folder, 'folder.proto'));
    chmodSync(join(folder, 'folder.proto'), 0o700);
    expect(failure([main]).message).toMatch(
      /^cannot read .*folder\.proto, imported by .*main\.proto: EISDIR/,
    );
  });

  it('names the file and the line of a mistake', () => {
    write('broken.proto', 'syntax = "proto3";\nmessage M {\n  int32 = 1;\n}\n');
    const main = write('main.proto', proto(['Main'], ['broken.proto']));
    const error = failure([main]);
    expect(error.message).toBe(
      `cannot parse ${join(folder, 'broken.proto')}, line 3: illegal name '='`,
    );
    expect(error.cause).toBeInstanceOf(Error);
  });

  it('names the file of a mistake whose line is not known', () => {
    const file = write('twice.proto', 'syntax = "proto3"; message M { int32 a = 1; int32 b = 1; }');
    expect(failure([file]).message).toContain(`cannot parse ${file}: duplicate id 1 in Type`);
    const bundle = write('bundle.json', '{ "nested": ');
    expect(failure([bundle]).message).toContain(`cannot parse ${bundle}: `);
  });

  it('names the line of a string without an end', () => {
    const file = write('open.proto', 'syntax = "proto3";\n\nimport "open');
    expect(failure([file]).message).toMatch(/^cannot parse .*open\.proto, line \d+: illegal/);
  });
});
