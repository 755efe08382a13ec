import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { BufferFullError } from '../../lib/errors.js';
import { Link } from './link.js';
import { collect, textMethod, Unary } from './text-service.js';
import { frameBytes } from '../support/arbitraries.js';

/** A frame's bytes, laid out by hand. */
function frame(streamId: number, type: number, flags: number, payload: Buffer): Buffer {
  return frameBytes({ streamId, type, flags, payload });
}

const request = (streamId: number, flags: number, envelope: Buffer): Buffer =>
  frame(streamId, 1, flags, envelope);

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

  it('runs every teardown of a call, and reports one that throws', async () => {
    const onHandlerError = vi.fn();
    const link = new Link({}, { onHandlerError });
    const stops: string[] = [];
    const fault = new Error('teardown');
    link.add(RawUnary, (call) => {
      call.onStop(() => stops.push('first'));
      call.onStop(() => {
        throw fault;
      });
      call.onStop(() => stops.push('last'));
      call.reply('done');
    });
    expect(await link.result(link.caller.unary(RawUnary, 'a', {}))).toBe('done');
    expect(stops).toEqual(['first', 'last']);
    expect(onHandlerError).toHaveBeenCalledWith(fault, expect.anything());
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

  it('refuses a request whose time is up before it arrives', async () => {
    const handler = vi.fn();
    const link = new Link({ Unary: handler });
    const head = 'test.Text';
    const envelope = Buffer.concat([
      Buffer.from([0x0a, head.length]),
      Buffer.from(head),
      Buffer.from([0x12, 5]),
      Buffer.from('Unary'),
      Buffer.from('20ffffffffffffffffff01', 'hex'), // timeout_nano = -1
    ]);
    link.pair.server.receive(request(1, 0, envelope));
    await link.pair.settled();
    expect(handler).not.toHaveBeenCalled();
    expect(link.pair.server.takeSent().toString('latin1')).toContain('deadline exceeded');
  });

  it.each<[flags: number, payload: string | undefined, more: string[], expected: string[]]>([
    // A payload of a remote-open request is message number one, an empty one is none.
    [2, 'a', ['b'], ['a', 'b']],
    [2, '', ['b'], ['b']],
    [2, undefined, ['b'], ['b']],
    // No-data says that there is none, whatever the payload.
    [6, undefined, ['b'], ['b']],
    [6, 'a', ['b'], ['b']],
    // Without remote-open nothing follows, and what is there is a message, be it empty.
    [1, 'a', [], ['a']],
    [1, undefined, [], ['']],
    [0, 'a', [], ['a']],
  ])(
    'takes a request stream opened with flags %i, payload %j and data %j for %j',
    async (flags, payload, more, expected) => {
      let got: string[] = [];
      const link = new Link({
        async Upload(requests: AsyncIterable<string>) {
          got = await collect(requests);
          return 'done';
        },
      });
      const parts = [Buffer.from([0x0a, 9]), Buffer.from('test.Text'), Buffer.from([0x12, 6])];
      parts.push(Buffer.from('Upload'));
      if (payload !== undefined)
        parts.push(Buffer.from([0x1a, payload.length]), Buffer.from(payload));
      link.pair.server.receive(request(1, flags, Buffer.concat(parts)));
      for (const message of more) link.pair.server.receive(frame(1, 3, 0, Buffer.from(message)));
      if ((flags & 2) !== 0) link.pair.server.receive(frame(1, 3, 5, Buffer.alloc(0)));
      await link.pair.settled();
      expect(got).toEqual(expected);
      expect(link.server.openStreams).toBe(0);
    },
  );
});
