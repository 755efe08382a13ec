import { describe, expect, it } from 'vitest';
import { errorCode, explain, unreachable } from '../../lib/transport/system-error.js';

const withCode = (code: unknown, message = 'text'): Error =>
  Object.assign(new Error(message), { code });

describe('errorCode', () => {
  it('finds the code of a system error, and only a code that is text', () => {
    expect(errorCode(withCode('ENOENT'))).toBe('ENOENT');
    expect(errorCode(withCode(7))).toBeUndefined();
    expect(errorCode(new Error('x'))).toBeUndefined();
    expect(errorCode({ code: 'ENOENT' })).toBeUndefined();
  });
});

describe('explain', () => {
  it('puts a known code into plain words', () => {
    expect(explain(withCode('ENOENT'))).toBe('ENOENT, no such file (is the server running?)');
  });

  it("keeps the error's own text for any other", () => {
    expect(explain(withCode('ESTRANGE', 'odd'))).toBe('ESTRANGE, odd');
    expect(explain(withCode('constructor', 'odd'))).toBe('constructor, odd');
    expect(explain(new Error('odd'))).toBe('odd');
    expect(explain('odd')).toBe('odd');
  });
});

describe('unreachable', () => {
  it('names the attempt, the address and the problem, and keeps the cause', () => {
    const cause = withCode('ENOENT');
    expect(unreachable('cannot connect to', 'fd:3', 'why', cause)).toMatchObject({
      kind: 'ttrpc.connection',
      reason: 'dial',
      address: 'fd:3',
      message: 'cannot connect to fd:3: why',
      cause,
    });
  });
});
