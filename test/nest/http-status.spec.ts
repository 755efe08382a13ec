import { describe, expect, it } from 'vitest';
import { httpStatusOf, statusCodeOfHttp } from '../../lib/nest/http-status.js';

describe('httpStatusOf', () => {
  // code.proto, "HTTP Mapping", in the order of the codes.
  it('gives what code.proto has for each code', () => {
    const codes = Array.from({ length: 17 }, (_, code) => code);
    expect(codes.map((code) => httpStatusOf(code))).toEqual([
      200, 499, 500, 400, 504, 404, 409, 403, 429, 400, 409, 400, 501, 500, 503, 500, 401,
    ]);
  });

  it('gives 500 for a code that gRPC does not know', () => {
    expect([-1, 17, 404].map((code) => httpStatusOf(code))).toEqual([500, 500, 500]);
  });
});

describe('statusCodeOfHttp', () => {
  it.each([
    [400, 3],
    [401, 16],
    [402, 3],
    [403, 7],
    [404, 5],
    [405, 12],
    [406, 3],
    [408, 4],
    [409, 6],
    [410, 5],
    [412, 9],
    [413, 8],
    [415, 3],
    [416, 11],
    [418, 3],
    [422, 3],
    [429, 8],
    [499, 1],
    [500, 13],
    [501, 12],
    [502, 14],
    [503, 14],
    [504, 4],
    [505, 13],
    [599, 13],
    [399, 2],
    [200, 2],
    [600, 2],
  ])('gives for %i the code %i', (status, code) => {
    expect(statusCodeOfHttp(status)).toBe(code);
  });

  it('leads back to the HTTP status that it came from, where that is in code.proto', () => {
    for (const status of [400, 401, 403, 404, 409, 429, 499, 500, 501, 503, 504]) {
      expect(httpStatusOf(statusCodeOfHttp(status))).toBe(status);
    }
  });
});
