import { describe, expect, it } from 'vitest';
import { StatusError } from '../../lib/errors.js';
import { onlyMessage, streamOf } from '../../lib/rpc/single-message.js';
import { collect, rejection } from './text-service.js';

describe('streamOf', () => {
  it('gives the one message', async () => {
    expect(await collect(streamOf(undefined))).toEqual([undefined]);
  });
});

describe('onlyMessage', () => {
  it('gives the first message and leaves the rest', async () => {
    let returned = false;
    async function* two(): AsyncGenerator<number> {
      try {
        yield 1;
        yield 2;
      } finally {
        returned = true;
      }
    }
    expect(await onlyMessage(two())).toBe(1);
    expect(returned).toBe(true);
  });

  it('fails with INTERNAL when there is none', async () => {
    const failure = await rejection(onlyMessage((async function* () {})()));
    expect(failure).toBeInstanceOf(StatusError);
    expect(failure).toMatchObject({ code: 13, details: 'stream ended without a message' });
  });
});
