import { HttpException, NotFoundException } from '@nestjs/common';
import { describe, expect, it } from 'vitest';
import {
  BufferFullError,
  ConnectionError,
  DefinitionError,
  StatusError,
  toHttpException,
} from '../../lib/index.js';

describe('toHttpException', () => {
  it.each([
    [5, 404, 'Not Found'],
    [3, 400, 'Bad Request'],
    [7, 403, 'Forbidden'],
    [16, 401, 'Unauthorized'],
    [4, 504, 'Gateway Timeout'],
    [1, 499, 'Client Closed Request'],
    [99, 500, 'Internal Server Error'],
  ])(
    'makes of status %i an HTTP %i that tells the text and keeps the cause',
    (code, http, error) => {
      const failure = new StatusError({ code, message: 'why' }, { origin: 'remote' });
      const exception = toHttpException(failure);
      expect(exception).toBeInstanceOf(HttpException);
      expect(exception.getStatus()).toBe(http);
      expect(exception.getResponse()).toEqual({ message: 'why', error, statusCode: http });
      expect(exception.message).toBe('why');
      expect(exception.cause).toBe(failure);
    },
  );

  it('puts the phrase of the HTTP status where a status has no text', () => {
    const exception = toHttpException(new StatusError({ code: 5, message: '' }));
    expect(exception.getResponse()).toEqual({
      message: 'Not Found',
      error: 'Not Found',
      statusCode: 404,
    });
  });

  it.each<[Error, number, string]>([
    [
      new ConnectionError('connect ENOENT /run/secret.sock', { reason: 'dial', address: 'a' }),
      503,
      'Service Unavailable',
    ],
    [new BufferFullError('secret'), 429, 'Too Many Requests'],
    [new DefinitionError('/etc/secret.proto'), 500, 'Internal Server Error'],
    [new Error('secret'), 500, 'Internal Server Error'],
  ])('keeps the text of %s to itself', (error, status, message) => {
    const exception = toHttpException(error);
    expect(exception.getStatus()).toBe(status);
    expect(exception.getResponse()).toEqual({ message, error: message, statusCode: status });
    expect(exception.cause).toBe(error);
  });

  it('answers for what is no error at all', () => {
    expect(toHttpException('secret').getStatus()).toBe(500);
    expect(toHttpException(undefined).message).toBe('Internal Server Error');
  });

  it('returns an HttpException as it is', () => {
    const exception = new NotFoundException('mine');
    expect(toHttpException(exception)).toBe(exception);
  });
});
