import { createRequire } from 'node:module';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { methodsBySpelling, methodSpellings } from '../../lib/proto/method-names.js';
import type { MethodDefinition } from '../../lib/rpc/method-definition.js';

const require = createRequire(import.meta.url);
const protoLoader = createRequire(require.resolve('@grpc/proto-loader'));
const camelCase = protoLoader('lodash.camelcase') as (name: string) => string;

describe('methodSpellings', () => {
  it.each([
    ['FindOneHero', ['FindOneHero', 'findOneHero']],
    ['GetURLInfo', ['GetURLInfo', 'getUrlInfo', 'getURLInfo', 'GetUrlInfo']],
    ['get_url_2x', ['get_url_2x', 'getUrl2X', 'Get_url_2x', 'GetUrl2X']],
    ['List', ['List', 'list']],
    ['list', ['list', 'List']],
  ])('gives for %s what users write', (name, spellings) => {
    expect(methodSpellings(name)).toEqual(spellings);
  });

  it('camel-cases as proto-loader does', () => {
    const part = fc.constantFrom('a', 'b', 'A', 'B', '1', '2', '_', 'Get', 'URL', 'info');
    const name = fc.array(part, { minLength: 1, maxLength: 12, size: 'max' });
    fc.assert(
      fc.property(name, (parts) => {
        const identifier = `x${parts.join('')}`;
        expect(methodSpellings(identifier)).toContain(camelCase(identifier));
        const upper = `X${parts.join('')}`;
        expect(methodSpellings(upper)).toContain(camelCase(upper));
      }),
      { numRuns: 2000 },
    );
  });

  it('gives no empty name', () => {
    expect(methodSpellings('_')).toEqual(['_']);
  });
});

describe('methodsBySpelling', () => {
  const method = (name: string): MethodDefinition => ({ name }) as MethodDefinition;

  it('finds a method by each spelling', () => {
    const method1 = method('GetURLInfo');
    const methods = methodsBySpelling({ name: 'S', methods: [method1] });
    expect([...methods.keys()]).toEqual(['GetURLInfo', 'getUrlInfo', 'getURLInfo', 'GetUrlInfo']);
    expect(new Set(methods.values())).toEqual(new Set([method1]));
  });

  it('prefers the name of the .proto to another spelling of an earlier method', () => {
    const methods = [method('GetUrl'), method('getUrl'), method('GETUrl')];
    const bySpelling = methodsBySpelling({ name: 'S', methods });
    expect(bySpelling.get('getUrl')).toBe(methods[1]);
    expect(bySpelling.get('GetUrl')).toBe(methods[0]);
    expect(bySpelling.get('gETUrl')).toBe(methods[2]);
  });
});
