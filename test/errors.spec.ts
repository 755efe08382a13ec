import { describe, expect, it } from 'vitest';
import {
  BufferFullError,
  ConnectionError,
  DefinitionError,
  HandshakeError,
  isTtrpcError,
  PayloadTooLargeError,
  ProtocolError,
  StatusError,
  TtrpcError,
  UsageError,
} from '../lib/errors.js';

const cause = new Error('because');

describe('TtrpcError', () => {
  it.each<[TtrpcError, string, string, number, string?]>([
    [new ProtocolError('d', 'stream', { cause }), 'ProtocolError', 'ttrpc.protocol', 3],
    [new UsageError('d', { cause }), 'UsageError', 'ttrpc.usage', 13],
    [
      new PayloadTooLargeError(4_194_305, 4_194_304),
      'PayloadTooLargeError',
      'ttrpc.payload-too-large',
      8,
      'message length 4194305 exceed maximum message size of 4194304',
    ],
    [new BufferFullError('d', { cause }), 'BufferFullError', 'ttrpc.buffer-full', 8],
    [
      new ConnectionError('d', { reason: 'eof', address: 'a', cause }),
      'ConnectionError',
      'ttrpc.connection',
      14,
    ],
    [new HandshakeError('d', { cause }), 'HandshakeError', 'ttrpc.handshake', 14],
    [new DefinitionError('d', { cause }), 'DefinitionError', 'ttrpc.definition', 13],
    [new StatusError({ code: 5, message: 'd' }, { cause }), 'StatusError', 'ttrpc.status', 5],
  ])('says what it is: %s', (error, ...[name, kind, code, details = 'd']) => {
    expect(error).toBeInstanceOf(TtrpcError);
    expect(error).toMatchObject({ name, kind, code, details });
    expect(String(error)).toContain(`${name}: `);
    if (name !== 'PayloadTooLargeError') expect(error.cause).toBe(cause);
    expect(isTtrpcError(error)).toBe(true);
  });

  it('has no cause when none was given', () => {
    for (const error of [
      new ProtocolError('d', 'connection'),
      new ConnectionError('d', { reason: 'eof', address: 'a' }),
      new ConnectionError('d', { reason: 'eof', address: 'a', cause: undefined }),
      new StatusError({ code: 5, message: 'd' }),
      new StatusError({ code: 5, message: 'd' }, { origin: 'remote' }),
    ]) {
      expect('cause' in error).toBe(false);
    }
  });
});

describe('ProtocolError', () => {
  it.each(['stream', 'connection'] as const)('knows how much it costs: the %s', (scope) => {
    expect(new ProtocolError('d', scope).scope).toBe(scope);
  });
});

describe('PayloadTooLargeError', () => {
  it('knows both lengths', () => {
    expect(new PayloadTooLargeError(5, 4)).toMatchObject({ length: 5, limit: 4 });
  });
});

describe('ConnectionError', () => {
  it('says why, to whom, and whether trying again is safe', () => {
    const facts = { reason: 'io', address: 'unix:///x', requestWritten: true } as const;
    expect(new ConnectionError('d', facts)).toMatchObject(facts);
    expect(new ConnectionError('d', { reason: 'dial', address: 'a' }).requestWritten).toBe(false);
  });
});

describe('StatusError', () => {
  it('reads like an error of grpc-js and keeps the status', () => {
    const details = [{ typeUrl: 'pkg.M', value: Buffer.of(1) }];
    const error = new StatusError({ code: 5, message: 'gone', details }, { origin: 'remote' });
    expect(error.message).toBe('5 NOT_FOUND: gone');
    expect(error.details).toBe('gone');
    expect(error.status).toEqual({ code: 5, message: 'gone', details });
    expect(error.origin).toBe('remote');
  });

  it('is this side’s and without details unless it says otherwise', () => {
    const error = new StatusError({ code: 99, message: '' });
    expect(error).toMatchObject({ origin: 'local', message: '99 CODE_99: ' });
    expect(error.status.details).toEqual([]);
  });
});

describe('a detail of a StatusError', () => {
  it('may be a message with its type, which is encoded when it is sent', () => {
    const encoded = { typeUrl: 'pkg.Other', value: Uint8Array.of(1) };
    const message = { missing: 3 };
    const { details } = new StatusError({
      code: 9,
      message: '',
      details: [
        { type: 'pkg.Shortage', message },
        { type: 'any.host/pkg.Shortage', message },
        encoded,
      ],
    }).status;
    expect(details).toEqual([
      { typeUrl: 'type.googleapis.com/pkg.Shortage', value: new Uint8Array(0), message },
      { typeUrl: 'any.host/pkg.Shortage', value: new Uint8Array(0), message },
      encoded,
    ]);
    expect(details[2]).toBe(encoded);
  });

  it.each([[null], ['none'], [[null, 5]]])('stays what it is when it is none: %j', (given) => {
    const details = given as unknown as [];
    expect(new StatusError({ code: 9, message: '', details }).status.details).toEqual(given);
  });
});

it("has the shape of grpc-js's ServiceError, with metadata that is empty", () => {
  const error = new StatusError({ code: 5, message: 'no hero' });
  expect(error).toMatchObject({ code: 5, details: 'no hero', message: '5 NOT_FOUND: no hero' });
  expect(error.metadata.getMap()).toEqual({});
  expect(error.metadata.get('anything')).toEqual([]);
});

describe('isTtrpcError', () => {
  it('knows the errors of another copy of the library', () => {
    const foreign = Object.assign(new Error('x'), { kind: 'ttrpc.status' });
    expect(isTtrpcError(foreign)).toBe(true);
  });

  it.each([
    [undefined],
    [null],
    ['ttrpc.status'],
    [{ kind: 'ttrpc.status' }],
    [new Error('x')],
    [Object.assign(new Error('x'), { kind: 'grpc.status' })],
    [Object.assign(new Error('x'), { kind: 5 })],
  ])('knows that %s is none', (value) => {
    expect(isTtrpcError(value)).toBe(false);
  });
});
