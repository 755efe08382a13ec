import { describe, expect, it } from 'vitest';
import { Metadata } from '../../lib/index.js';
import { readArguments } from '../../lib/nest/call-arguments.js';

const INPUT = { text: 'a' };

describe('readArguments', () => {
  it('takes the request alone', () => {
    expect(readArguments([INPUT])).toEqual({ input: INPUT, options: {} });
    expect(readArguments([INPUT, undefined, null])).toEqual({ input: INPUT, options: {} });
  });

  it('takes options in either place as they are', () => {
    const options = { timeoutMs: 5 };
    expect(readArguments([INPUT, options]).options).toBe(options);
    expect(readArguments([INPUT, null, options]).options).toBe(options);
  });

  it('takes metadata, alone and beside options', () => {
    const metadata = new Metadata();
    expect(readArguments([INPUT, metadata]).options).toEqual({ metadata });
    expect(readArguments([INPUT, metadata, { timeoutMs: 5 }]).options).toEqual({
      metadata,
      timeoutMs: 5,
    });
  });

  it('refuses what is no option, such as metadata in its place', () => {
    const expected =
      'a call has no option user: it has timeoutMs, deadline, signal, metadata, waitForReady, and metadata is one';
    expect(() => readArguments([INPUT, { user: 'ada' }])).toThrow(expected);
    expect(() => readArguments([INPUT, undefined, { user: 'ada' }])).toThrow(expected);
    expect(() => readArguments([INPUT, new Metadata(), { user: 'ada' }])).toThrow(expected);
    expect(() => readArguments([INPUT, 'ada'])).toThrow(
      'options of a call must be an object, got string',
    );
  });
});
