import { describe, expect, it } from 'vitest';
import { fullMethod, METHOD_SHAPES, methodKind, type MethodKind } from '../../lib/spec/method.js';

describe('methodKind', () => {
  it.each<[MethodKind, boolean, boolean]>([
    ['unary', false, false],
    ['serverStreaming', false, true],
    ['clientStreaming', true, false],
    ['bidirectional', true, true],
  ])('is %s when requests stream: %s, responses: %s', (kind, requestStream, responseStream) => {
    expect(methodKind(requestStream, responseStream)).toBe(kind);
    expect(METHOD_SHAPES[kind]).toEqual({ requestStream, responseStream });
  });
});

describe('fullMethod', () => {
  it('joins service and method', () => {
    expect(fullMethod('pkg.Service', 'Method')).toBe('/pkg.Service/Method');
  });
});
