import { describe, expect, it } from 'vitest';
import {
  BufferFullError,
  ConnectionError,
  DefinitionError,
  HandshakeError,
  PayloadTooLargeError,
  ProtocolError,
  StatusError,
  UsageError,
  type TtrpcError,
} from '../../lib/errors.js';
import { isDeliberate, toStatus } from '../../lib/rpc/to-status.js';

const HIDDEN = { code: 2, message: 'Internal server error', details: [] };
const ANY = { typeUrl: 'pkg.Detail', value: new Uint8Array([1, 2]) };

/** A value that the compiler would not let pass, as users of JavaScript make them. */
const broken = (value: unknown): never => value as never;

const getterThrows = {
  get code(): number {
    throw new Error('boom');
  },
};

describe('toStatus', () => {
  it('keeps code, message and details of a status error', () => {
    const error = new StatusError({ code: 5, message: 'no hero', details: [ANY] });
    expect(toStatus(error)).toEqual({ code: 5, message: 'no hero', details: [ANY] });
  });

  it('keeps a code that gRPC does not know', () => {
    expect(toStatus(new StatusError({ code: -7, message: 'm' })).code).toBe(-7);
  });

  it.each<[TtrpcError, number, string]>([
    [new ProtocolError('rule', 'stream'), 3, 'rule'],
    [new UsageError('use'), 13, 'use'],
    [new PayloadTooLargeError(9, 8), 8, 'message length 9 exceed maximum message size of 8'],
    [new BufferFullError('full'), 8, 'full'],
    [new ConnectionError('gone', { reason: 'eof', address: 'a' }), 14, 'gone'],
    [new HandshakeError('who?'), 14, 'who?'],
    [new DefinitionError('what?'), 13, 'what?'],
  ])('maps %s to code %i', (error, code, message) => {
    expect(toStatus(error)).toEqual({ code, message, details: [] });
  });

  it.each([
    ['OK', 0],
    ['no number', broken('5')],
    ['not a number', Number.NaN],
    ['a fraction', 1.5],
    ['more than 32 bits', 2 ** 32 + 5],
  ])('makes UNKNOWN of a status error whose code is %s', (_, code) => {
    expect(toStatus(new StatusError({ code, message: 'm' }))).toEqual({
      code: 2,
      message: 'm',
      details: [],
    });
  });

  it('drops from a status error what cannot be written', () => {
    const error = new StatusError({
      code: 5,
      message: broken(undefined),
      details: [broken('text'), ANY, broken({ typeUrl: 'x' }), broken(null)],
    });
    expect(toStatus(error)).toEqual({ code: 5, message: '', details: [ANY] });
    const odd = new StatusError({ code: 5, message: 'm', details: broken('text') });
    expect(toStatus(odd).details).toEqual([]);
  });

  it('answers for an error of a kind from the future', () => {
    const error = Object.assign(new Error('m'), { kind: 'ttrpc.new', code: 5 });
    expect(toStatus(error)).toEqual(HIDDEN);
  });

  it('answers for an error that only claims to be a status error', () => {
    expect(toStatus(Object.assign(new Error('m'), { kind: 'ttrpc.status' }))).toEqual(HIDDEN);
  });

  it("reads gRPC's shape: code, and details or message", () => {
    expect(toStatus({ code: 16, details: 'who?', message: '16 UNAUTHENTICATED: who?' })).toEqual({
      code: 16,
      message: 'who?',
      details: [],
    });
    expect(toStatus({ code: 1, message: 'm' }).message).toBe('m');
    expect(toStatus({ code: 1, message: 7 }).message).toBe('Unknown Error');
    expect(toStatus({ code: 7, details: [ANY, 1] })).toEqual({
      code: 7,
      message: 'Unknown Error',
      details: [ANY],
    });
  });

  it.each([0, 17, -1, 1.5, 'ENOENT', undefined])('takes no code %s for a status', (code) => {
    expect(toStatus(Object.assign(new Error('m'), { code }))).toEqual(HIDDEN);
  });

  it.each<[string, object, number]>([
    ['a named code', { code: 'NOT_FOUND' }, 5],
    ['a numeric status', { status: 8 }, 8],
    ['a named status', { status: 'ABORTED' }, 10],
    ['a code and a status, of which the code counts', { code: 'DATA_LOSS', status: 5 }, 15],
    ['a code of no meaning and a status', { code: 'E42', status: 'UNAVAILABLE' }, 14],
    ["a guard's denial", { status: 'error', message: 'Forbidden resource' }, 7],
    ['a denial with a code', { code: 16, status: 'error', message: 'Forbidden resource' }, 16],
    ['OK by name, which is no failure', { code: 'OK' }, 2],
    ['a name in lower case', { code: 'not_found' }, 2],
    ['an HTTP status', { status: 404 }, 2],
  ])("reads what Nest's filters make of exceptions: %s", (_, thrown, code) => {
    expect(toStatus({ message: 'Forbidden resource', ...thrown })).toEqual({
      code,
      message: 'Forbidden resource',
      details: [],
    });
  });

  it("takes an Error's own text codes and statuses for no status", () => {
    for (const own of [{ code: 'ABORTED' }, { status: 5 }, { status: 'NOT_FOUND' }]) {
      expect(toStatus(Object.assign(new Error('secret'), own))).toEqual(HIDDEN);
    }
  });

  it('joins several messages', () => {
    expect(toStatus({ code: 3, message: ['a', 'b'] }).message).toBe('a; b');
    expect(toStatus({ message: ['a', 'b'] })).toMatchObject({ code: 2, message: 'a; b' });
    expect(toStatus({ code: 3, message: ['a', 7] }).message).toBe('Unknown Error');
    expect(toStatus({ message: ['a', 7] })).toEqual(HIDDEN);
  });

  it('tells the message of an object that is no Error, as UNKNOWN', () => {
    expect(toStatus({ status: 'error', message: 'm' })).toEqual({
      code: 2,
      message: 'm',
      details: [],
    });
    expect(toStatus({ status: 'error', message: 7 })).toEqual(HIDDEN);
  });

  it("knows the platform's two errors by name", () => {
    expect(toStatus(AbortSignal.abort().reason)).toMatchObject({
      code: 1,
      message: 'This operation was aborted',
    });
    expect(toStatus({ name: 'TimeoutError', message: 'late' })).toEqual({
      code: 4,
      message: 'late',
      details: [],
    });
  });

  it.each<[string, unknown, string]>([
    ['an error', new Error('secret'), 'secret'],
    ['a string', 'secret', 'secret'],
    ['undefined', undefined, 'undefined'],
    ['null', null, 'null'],
    ['a symbol', Symbol('s'), 'Symbol(s)'],
    ['an error whose message is a number', Object.assign(new Error('x'), { message: 7 }), '7'],
    ['an object without a prototype', Object.create(null), HIDDEN.message],
  ])('tells the message of %s only when it is to be exposed', (_, thrown, message) => {
    expect(toStatus(thrown)).toEqual(HIDDEN);
    expect(toStatus(thrown, true)).toEqual({ code: 2, message, details: [] });
  });

  it('answers for an object whose getter throws', () => {
    expect(toStatus(getterThrows)).toEqual(HIDDEN);
    expect(isDeliberate(getterThrows)).toBe(false);
  });

  it("does not take a DOMException's own code for gRPC's", () => {
    const error = new DOMException('secret', 'NotSupportedError');
    expect(error.code).toBe(9);
    expect(toStatus(error)).toEqual(HIDDEN);
    expect(toStatus(new DOMException('late', 'TimeoutError'))).toMatchObject({ code: 4 });
  });

  it('tells no stack', () => {
    const error = new Error('m');
    expect(JSON.stringify(toStatus(error, true))).not.toContain('to-status.spec');
  });
});

describe('isDeliberate', () => {
  it.each([
    [new StatusError({ code: 5, message: '' }), true],
    [new UsageError(''), true],
    [{ code: 5 }, true],
    [{ name: 'AbortError' }, true],
    [new Error('x'), false],
    [{ code: 'ENOENT' }, false],
    [null, false],
    ['text', false],
  ])('of %s is %s', (thrown, deliberate) => {
    expect(isDeliberate(thrown)).toBe(deliberate);
  });
});
