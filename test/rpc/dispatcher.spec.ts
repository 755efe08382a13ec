import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { BufferFullError } from '../../lib/errors.js';
import { Link } from './link.js';
import { textMethod, Unary } from './text-service.js';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe('RawHandler', () => {
  const Raw = textMethod('bidirectional', 'Raw');
  const RawUnary = textMethod('unary', 'RawUnary');

  it('serves a call on the lowest level, which ends once', async () => {
    const link = new Link({});
    link.add(RawUnary, (call) => {
      call.reply(`raw ${String(call.request)}`);
      call.reply('again');
      call.end();
      call.fail(new Error('again'));
      expect(call.send('again')).toBe(true);
      call.whenDrained(() => link.server.address);
      const stop = vi.fn();
      call.onStop(stop);
      expect(stop).toHaveBeenCalledOnce();
      expect(call.cancellation).toBeUndefined();
    });
    expect(await link.result(link.caller.unary(RawUnary, 'a', {}))).toBe('raw a');
    expect(link.sentByServer()).toEqual(['1 2/0']);
  });

  it('refuses messages above the bound for a peer that does not read', async () => {
    const link = new Link({}, { server: { maxSendBufferBytes: 100_000 } });
    let error: unknown;
    let drained = 0;
    link.add(Raw, (call) => {
      call.send('first');
      setTimeout(() => {
        try {
          for (;;) call.send('x'.repeat(10_000));
        } catch (caught) {
          error = caught;
        }
        call.whenDrained(() => (drained += 1));
      }, 1);
    });
    link.pair.server.hold();
    const responses = link.caller.bidirectional(Raw, [], {})[Symbol.asyncIterator]();
    const first = responses.next();
    await link.pair.settled();
    await vi.advanceTimersByTimeAsync(2);
    expect(error).toBeInstanceOf(BufferFullError);
    expect(drained).toBe(0);
    link.pair.server.release();
    expect(await link.result(first)).toMatchObject({ value: 'first' });
    expect(drained).toBe(1);
    await link.result(Promise.resolve(responses.return?.()));
  });
});

describe('Dispatcher', () => {
  it('says UNIMPLEMENTED for what is not served, in the words of the reference', async () => {
    const link = new Link({ Unary: () => '' });
    const call = (service: string, name: string): Promise<unknown> =>
      link.failure(link.caller.unary({ ...Unary, service, name }, '', {}));
    expect(await call('test.Text', 'Other')).toMatchObject({ code: 12, details: 'method Other' });
    expect(await call('test.Other', 'x')).toMatchObject({
      code: 12,
      details: 'service test.Other',
    });
    expect(await call('x'.repeat(300), 'y')).toMatchObject({
      details: `service ${'x'.repeat(200)}`,
    });
  });
});
