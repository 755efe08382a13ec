import { RpcException } from '@nestjs/microservices';
import { describe, expect, it } from 'vitest';
import { StatusCode, TtrpcException, type StatusName } from '../../lib/index.js';

const ANY = { typeUrl: 'acme.v1.Text', value: Uint8Array.of(10, 1, 65) };

describe('TtrpcException', () => {
  it('is an RpcException of code, message and details', () => {
    const exception = new TtrpcException({
      code: StatusCode.NotFound,
      message: 'no',
      details: [ANY],
    });
    expect(exception).toBeInstanceOf(RpcException);
    expect(exception).toMatchObject({ code: 5, message: 'no', details: [ANY] });
    expect(exception.getError()).toEqual({ code: 5, message: 'no', details: [ANY] });
  });

  it('takes the name of a code', () => {
    expect(new TtrpcException({ code: 'DATA_LOSS', message: 'm' })).toMatchObject({
      code: 15,
      details: [],
    });
  });

  it.each([0, 'OK', 17, -1, 1.5, 'not_found', undefined])('refuses the code %s', (code) => {
    expect(() => new TtrpcException({ code: code as StatusName, message: 'm' })).toThrow(
      new TypeError(
        `code must be that of a failure, 1 to 16 or its name, got ${code as StatusName}`,
      ),
    );
  });
});
