import { describe, expect, it } from 'vitest';
import { StatusError } from '../../lib/errors.js';
import { encodeDetails } from '../../lib/rpc/encode-details.js';
import type { MethodDefinition } from '../../lib/rpc/method-definition.js';
import type { StatusDetail } from '../../lib/spec/status.js';
import { Unary } from './text-service.js';

const ENCODED = { typeUrl: 'pkg.Code', value: Uint8Array.of(7) };

const METHOD = {
  ...Unary,
  encodeDetail: ({ typeUrl, message }) => {
    if (typeof message !== 'string') throw new TypeError('no text');
    return { typeUrl, value: Buffer.from(message) };
  },
} as MethodDefinition;

function encode(details: StatusDetail[], method = METHOD): { told: unknown; reports: unknown[] } {
  const reports: unknown[] = [];
  const { status } = new StatusError({ code: 9, message: 'm', details });
  return { told: encodeDetails(status, method, (error) => reports.push(error)), reports };
}

describe('encodeDetails', () => {
  it('encodes messages by the definitions of the method, and keeps what is encoded', () => {
    const { told, reports } = encode([ENCODED, { type: 'pkg.Text', message: 'a' }]);
    const value = Buffer.from('a');
    const text = { typeUrl: 'type.googleapis.com/pkg.Text', value };
    expect(told).toEqual({ code: 9, message: 'm', details: [ENCODED, text] });
    expect(reports).toEqual([]);
  });

  it('leaves out what can not be encoded, says why, and keeps the rest of the status', () => {
    const { told, reports } = encode([{ type: 'pkg.Text', message: 5 }, ENCODED]);
    expect(told).toEqual({ code: 9, message: 'm', details: [ENCODED] });
    expect(reports).toEqual([new TypeError('no text')]);
  });

  it('says so when the method has no message types', () => {
    const { told, reports } = encode([{ type: 'pkg.Text', message: 'a' }], Unary);
    expect(told).toMatchObject({ details: [] });
    expect(reports).toEqual([
      new TypeError(
        "can't encode detail type.googleapis.com/pkg.Text: test.Text has no message types, " +
          'give it encoded, as { typeUrl, value }',
      ),
    ]);
  });

  it('takes no message for one to be encoded that came from a peer, however empty', () => {
    const received = { typeUrl: 'pkg.Empty', value: new Uint8Array(0), message: {} };
    expect(encode([received])).toEqual({
      told: { code: 9, message: 'm', details: [received] },
      reports: [],
    });
  });
});
