import { describe, expect, it } from 'vitest';
import { StatusCode, statusCodeOf, statusName } from '../../lib/spec/status.js';

/** As in google/rpc `code.proto`. */
const CODES =
  'OK CANCELLED UNKNOWN INVALID_ARGUMENT DEADLINE_EXCEEDED NOT_FOUND ALREADY_EXISTS' +
  ' PERMISSION_DENIED RESOURCE_EXHAUSTED FAILED_PRECONDITION ABORTED OUT_OF_RANGE UNIMPLEMENTED' +
  ' INTERNAL UNAVAILABLE DATA_LOSS UNAUTHENTICATED';

const TABLE = CODES.split(' ').map((name, code) => [name, code] as const);

describe('StatusCode', () => {
  it('has the 17 codes of google/rpc', () => {
    const snake = Object.entries(StatusCode).map(
      ([name, code]) => [name.replaceAll(/(?<=[a-z])[A-Z]/gu, '_$&').toUpperCase(), code] as const,
    );
    expect(snake).toEqual(TABLE);
  });
});

describe('statusName', () => {
  it.each(TABLE)('is %s for %i', (name, code) => {
    expect(statusName(code)).toBe(name);
  });

  it.each([17, -1, 2 ** 31 - 1])('names the number of the unknown code %i', (code) => {
    expect(statusName(code)).toBe(`CODE_${code}`);
  });
});

describe('statusCodeOf', () => {
  it.each(TABLE)('is the code of %s: %i', (name, code) => {
    expect(statusCodeOf(name)).toBe(code);
  });

  it.each(['', 'ok', 'CODE_5', 'toString'])('knows no "%s"', (name) => {
    expect(statusCodeOf(name)).toBeUndefined();
  });
});
