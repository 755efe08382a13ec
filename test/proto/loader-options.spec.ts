import { describe, expect, it } from 'vitest';
import { resolveLoaderOptions, show, type LoaderOptions } from '../../lib/proto/loader-options.js';

describe('resolveLoaderOptions', () => {
  it('leaves messages as protobufjs represents them, unless asked', () => {
    const nothing = {
      parse: { keepCase: false, alternateCommentMode: false },
      includeDirs: [],
      conversion: {},
    };
    expect(resolveLoaderOptions()).toEqual(nothing);
    expect(
      resolveLoaderOptions({ longs: undefined, defaults: undefined, includeDirs: undefined }),
    ).toEqual(nothing);
    expect(resolveLoaderOptions({ enums: Number, bytes: Buffer, json: false })).toEqual(nothing);
  });

  it('takes every option of proto-loader', () => {
    const flags = { defaults: true, arrays: true, objects: true, oneofs: true, json: true };
    const conversions = { longs: BigInt, enums: String, bytes: Array, ...flags };
    const resolved = resolveLoaderOptions({
      keepCase: true,
      alternateCommentMode: true,
      includeDirs: ['a', 'b'],
      ...conversions,
    });
    expect(resolved).toEqual({
      parse: { keepCase: true, alternateCommentMode: true },
      includeDirs: ['a', 'b'],
      conversion: conversions,
    });
  });

  it('passes over options that it does not know', () => {
    expect(
      resolveLoaderOptions({ preferTrailingComment: true } as LoaderOptions).conversion,
    ).toEqual({});
  });

  it.each([
    [
      { longs: 'number' },
      'loader.longs must be one of the constructors String, Number, BigInt, got "number"',
    ],
    [
      { longs: Boolean },
      'loader.longs must be one of the constructors String, Number, BigInt, got Boolean',
    ],
    [{ enums: Array }, 'loader.enums must be one of the constructors String, Number, got Array'],
    [
      { bytes: Number },
      'loader.bytes must be one of the constructors String, Array, Buffer, got Number',
    ],
    [{ keepCase: 1 }, 'loader.keepCase must be true or false, got 1'],
    [{ json: 'yes' }, 'loader.json must be true or false, got "yes"'],
    [{ includeDirs: 'protos' }, 'loader.includeDirs must be a list of paths, got "protos"'],
    [{ includeDirs: [7] }, 'loader.includeDirs must be a list of paths, got an array'],
  ])('refuses %o', (given, message) => {
    expect(() => resolveLoaderOptions(given as never)).toThrow(new TypeError(message));
  });
});

describe('show', () => {
  it.each([
    [() => undefined, 'a function'],
    [{}, 'an object'],
    [null, 'null'],
    [undefined, 'undefined'],
    [7, '7'],
  ])('names %o', (value, text) => {
    expect(show(value)).toBe(text);
  });
});
