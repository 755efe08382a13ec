import { describe, expect, it } from 'vitest';
import { ConnectionError, PayloadTooLargeError, ProtocolError } from '../../lib/errors.js';
import type { MethodKind } from '../../lib/spec/method.js';
import { MemoryPair } from '../support/memory-pair.js';
import { frames, hex } from '../support/transcript.js';
import { clientAt, TestClientStream } from './recording-streams.js';

/** A client, and a far end that the test speaks for. */
function start(options: Parameters<typeof clientAt>[2] = {}) {
  const pair = new MemoryPair();
  const closes: ConnectionError[] = [];
  const connection = clientAt(pair.client, closes, options);
  return {
    connection,
    closes,
    end: pair.client,
    pair,
    open: (kind: MethodKind) => new TestClientStream(kind).start(connection),
    hear: (text: string): void => {
      pair.client.receive(hex(text));
      pair.settle();
    },
    said: (): string[] => {
      pair.settle();
      return frames(pair.client.takeSent());
    },
  };
}

describe('ClientConnection', () => {
  it('gives odd ids that increase, in the order of writing', () => {
    const { open, said, connection } = start();
    const first = new TestClientStream();
    const second = new TestClientStream().start(connection);
    first.start(connection);
    open('unary');
    expect(said().map((line) => line.slice(9, 17))).toEqual(['00000001', '00000003', '00000005']);
    expect(second.carrier).toBe(connection);
    expect(connection.openStreams).toBe(3);
  });

  it.each<[MethodKind, string]>([
    ['unary', '00'],
    ['serverStreaming', '01'],
    ['clientStreaming', '06'],
    ['bidirectional', '06'],
  ])('opens a %s call with flags %s', (kind, flags) => {
    const { open, said } = start();
    open(kind);
    expect(said()).toEqual([`00000000 00000001 01 ${flags}`]);
  });

  it('does not use an id up for a request that is too long', () => {
    const { connection, said, open } = start({ maxPayloadBytes: 1024 });
    const refused = new TestClientStream();
    expect(() => refused.start(connection, Buffer.alloc(1025))).toThrow(PayloadTooLargeError);
    expect([refused.isActive, refused.carrier, connection.openStreams]).toEqual([
      false,
      undefined,
      0,
    ]);
    open('unary');
    expect(said()).toEqual(['00000000 00000001 01 00']);
  });

  it.each<[MethodKind, string, string[]]>([
    ['unary', '1202aabb', ['message aabb', 'ok']],
    ['unary', '', ['message', 'ok']],
    ['unary', '0a00', ['message', 'ok']],
    ['clientStreaming', '', ['message', 'ok']],
    ['serverStreaming', '', ['ok']],
    ['serverStreaming', '1202aabb', ['message aabb', 'ok']],
    ['bidirectional', '1202aabb', ['message aabb', 'ok']],
    ['bidirectional', '0a02 0805', ['status 5']],
    ['unary', '0a05 0805 1201 "x" 1202aabb', ['status 5 x']],
  ])('ends a %s call by the response %s', (kind, envelope, events) => {
    const { open, connection, hear } = start();
    const stream = open(kind);
    const bytes = hex(envelope);
    hear(`000000${bytes.length.toString(16).padStart(2, '0')} 00000001 02 00 ${envelope}`);
    expect(stream.events.map((event) => event.trimEnd())).toEqual(events);
    expect([stream.isActive, stream.canSend, connection.openStreams]).toEqual([false, false, 0]);
  });

  it.each<MethodKind>(['serverStreaming', 'bidirectional'])(
    'takes the messages of a %s call and its end',
    (kind) => {
      const { open, hear } = start();
      const stream = open(kind);
      hear(`00000001 00000001 03 00 aa
        00000000 00000001 03 00
        00000000 00000001 03 04
        00000001 00000001 03 00 bb
        00000000 00000001 03 05`);
      expect(stream.events).toEqual(['message aa', 'message', 'message bb', 'ok']);
      expect(stream.isActive).toBe(false);
    },
  );

  it('takes a message in the frame that ends the stream', () => {
    const { open, hear } = start();
    const stream = open('serverStreaming');
    hear('00000001 00000001 03 01 aa');
    expect(stream.events).toEqual(['message aa', 'ok']);
  });

  it('takes no message from a frame that says it has none', () => {
    const { open, hear } = start();
    const stream = open('serverStreaming');
    hear('00000001 00000001 03 04 aa  00000001 00000001 03 05 bb');
    expect(stream.events).toEqual(['ok']);
  });

  it('lets a status end a stream of messages', () => {
    const { open, hear } = start();
    const stream = open('serverStreaming');
    hear('00000001 00000001 03 00 aa  00000007 00000001 02 00 0a05 0805 1201 "x"');
    expect(stream.events).toEqual(['message aa', 'status 5 x']);
  });

  it('sends messages and one half-close', () => {
    const { open, said } = start();
    const stream = open('clientStreaming');
    stream.send(hex('aa'));
    stream.send(hex(''));
    expect(stream.canSend).toBe(true);
    stream.halfClose();
    stream.halfClose();
    expect(stream.canSend).toBe(false);
    expect(said()).toEqual([
      '00000000 00000001 01 06',
      '00000001 00000001 03 00 aa',
      '00000000 00000001 03 00',
      '00000000 00000001 03 05',
    ]);
    expect(stream.isActive).toBe(true);
  });

  it('half-closes nothing that was never started or takes one request', () => {
    const { open, said } = start();
    const early = new TestClientStream('bidirectional');
    early.halfClose();
    expect([early.isActive, early.requestTaken, early.canSend]).toEqual([false, false, false]);
    open('unary').halfClose();
    open('serverStreaming').halfClose();
    expect(said()).toHaveLength(2);
  });

  it('sends no half-close after the stream’s final frame has arrived', () => {
    const { open, said, hear } = start();
    const stream = open('bidirectional');
    said();
    hear('00000000 00000001 03 05');
    stream.halfClose();
    stream.abandon();
    expect(said()).toEqual([]);
  });

  it('keeps to a message that is too long: nothing of it is sent, the call goes on', () => {
    const { open, said } = start({ maxPayloadBytes: 1024 });
    const stream = open('clientStreaming');
    expect(() => stream.send(Buffer.alloc(1025))).toThrow(PayloadTooLargeError);
    stream.send(hex('aa'));
    expect(said()).toEqual(['00000000 00000001 01 06', '00000001 00000001 03 00 aa']);
  });

  describe('giving up', () => {
    it('closes an open half and forgets the stream', () => {
      const { open, said, hear, connection } = start();
      const stream = open('bidirectional');
      expect(said()).toEqual(['00000000 00000001 01 06']);
      stream.abandon();
      stream.abandon();
      expect(said()).toEqual(['00000000 00000001 03 05']);
      expect(connection.openStreams).toBe(0);
      hear('00000001 00000001 03 00 aa  00000000 00000001 02 00');
      expect(stream.events).toEqual([]);
    });

    it('sends nothing for a call whose half is closed', () => {
      const { open, said, connection } = start();
      const streams = [open('unary'), open('serverStreaming')];
      expect(said()).toHaveLength(2);
      for (const stream of streams) stream.abandon();
      expect(said()).toEqual([]);
      expect(connection.openStreams).toBe(0);
    });

    it('takes a request back that has not left yet', () => {
      const { open, said, connection } = start();
      open('bidirectional').abandon();
      expect(connection.writer.pending).toBe(0);
      const before = open('unary');
      open('unary');
      before.abandon();
      // What stands before others can only be made void.
      expect(said()).toEqual(['00000000 00000003 00 00', '00000000 00000005 01 00']);
      expect(connection.openStreams).toBe(1);
    });

    it('takes a request back with all that waits behind it', () => {
      const { open, said, connection } = start();
      const stream = open('bidirectional');
      stream.send(hex('aa'));
      stream.halfClose();
      stream.abandon();
      expect(connection.writer.pending).toBe(0);
      expect(said()).toEqual([]);
    });

    it('closes the half of a call whose request has left, whatever waits behind it', () => {
      const { open, said } = start();
      const stream = open('bidirectional');
      said();
      stream.send(hex('aa'));
      stream.abandon();
      expect(said()).toEqual(['00000001 00000001 03 00 aa', '00000000 00000001 03 05']);
    });

    it('of a call that never started sends nothing', () => {
      const { said } = start();
      new TestClientStream('bidirectional').abandon();
      expect(said()).toEqual([]);
    });
  });

  it('ignores frames of streams that it does not know, and types from the future', () => {
    const { open, hear, said, end } = start({ maxPayloadBytes: 1024 });
    const stream = open('bidirectional');
    said();
    hear(`00000001 00000009 03 00 aa
      00000000 00000009 02 00
      00000000 00000002 02 00
      00000000 00000001 01 00
      00000001 00000001 04 01 aa
      00000001 00000001 ff ff aa`);
    // Too long ones as well.
    hear('00000401 00000009 02 00');
    hear('aa'.repeat(1025));
    hear('00000401 00000001 04 01');
    hear('aa'.repeat(1025));
    expect(stream.events).toEqual([]);
    expect(said()).toEqual([]);
    hear('00000001 00000001 03 01 aa');
    expect(stream.events).toEqual(['message aa', 'ok']);
    expect(end.closed).toBe(false);
  });

  describe('a peer that breaks a rule', () => {
    it.each<[string, MethodKind, string[]]>([
      ['00', 'unary', []],
      ['05', 'unary', []],
      ['00', 'clientStreaming', ['00000000 00000001 03 05']],
      ['05', 'clientStreaming', []],
    ])('by data [%s] on a %s call loses that call', (flags, kind, answer) => {
      const { open, hear, said, connection } = start();
      const stream = open(kind);
      said();
      hear(`00000000 00000001 03 ${flags}`);
      expect(stream.error).toBeInstanceOf(ProtocolError);
      expect(stream.error).toMatchObject({ scope: 'stream' });
      expect(stream.events).toEqual([
        'failure peer sent a data frame on a call that has one response',
      ]);
      expect(said()).toEqual(answer);
      expect([connection.openStreams, connection.closed]).toEqual([0, false]);
    });

    it('by a response that does not decode loses that call', () => {
      const { open, hear, said } = start();
      const broken = open('bidirectional');
      const whole = open('unary');
      said();
      hear('00000001 00000001 02 00 0a  00000000 00000003 02 00');
      expect(broken.events).toEqual([
        'failure unmarshal response error: unexpected end of message',
      ]);
      expect(said()).toEqual([]);
      expect(whole.events).toEqual(['message', 'ok']);
    });

    it.each([
      ['02 00', []],
      ['03 01', []],
      ['03 00', ['00000000 00000001 03 05']],
    ])('by a frame [%s] above the limit loses that call', (header, answer) => {
      const { open, hear, said } = start({ maxPayloadBytes: 1024 });
      const stream = open('bidirectional');
      said();
      hear(`00000401 00000001 ${header}`);
      expect(stream.events).toEqual([
        'failure message length 1025 exceed maximum message size of 1024',
      ]);
      expect(said()).toEqual(answer);
      const next = open('unary');
      hear(`${'aa'.repeat(1025)} 00000000 00000003 02 00`);
      expect(next.events).toEqual(['message', 'ok']);
    });
  });

  describe('the loss of the connection', () => {
    it('fails every open call, once, and says whether its request may have arrived', () => {
      const { open, end, pair, closes, connection } = start();
      const ended = open('unary');
      const written = open('bidirectional');
      pair.settle();
      end.receive(hex('00000000 00000001 02 00'));
      end.hold();
      const held = open('unary');
      pair.settle();
      const unwritten = open('unary');
      pair.settle();
      expect([written, held, unwritten].map(({ requestTaken }) => requestTaken)).toEqual([
        true,
        true,
        false,
      ]);
      const cause = Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' });
      end.fail(cause);
      pair.settle();
      expect(ended.events).toEqual(['message', 'ok']);
      for (const stream of [written, held, unwritten]) {
        expect(stream.events).toEqual(['failure connection lost (memory:test, read ECONNRESET)']);
        expect(stream.error).toMatchObject({ reason: 'io', address: 'memory:test', cause });
      }
      expect([written, held, unwritten].map(({ error }) => requestWritten(error))).toEqual([
        true,
        true,
        false,
      ]);
      expect(new Set([written.error, held.error, closes[0]]).size).toBe(3);
      expect(closes).toHaveLength(1);
      expect([connection.openStreams, connection.closed]).toEqual([0, true]);
    });

    it('is no matter for a call that its failure sets off', () => {
      const { open, end, pair, connection } = start();
      const first = open('unary');
      const second = open('unary');
      first.onEvent = () => second.abandon();
      end.receiveEnd();
      pair.settle();
      expect(first.events).toHaveLength(1);
      expect(connection.openStreams).toBe(0);
    });
  });

  describe('retiring', () => {
    it('closes an idle connection at once', () => {
      const { connection, closes, pair, end } = start();
      connection.retire();
      pair.settle();
      expect(closes.map(({ reason }) => reason)).toEqual(['local']);
      expect(end.asked).toEqual(['end']);
    });

    it('closes the connection behind the last open call', () => {
      const { connection, open, hear, pair, closes } = start();
      const first = open('unary');
      const second = open('unary');
      connection.retire();
      pair.settle();
      expect(connection.closed).toBe(false);
      hear('00000000 00000001 02 00');
      expect([first.events.length, connection.closed]).toEqual([2, false]);
      hear('00000000 00000003 02 00');
      expect(second.events).toEqual(['message', 'ok']);
      expect(closes.map(({ reason }) => reason)).toEqual(['local']);
    });
  });

  describe('ids', () => {
    it('last until 2^32 - 1', () => {
      const { connection, open, said } = start({ firstStreamId: 0xffff_fffd });
      open('unary');
      expect(connection.exhausted).toBe(false);
      const last = open('unary');
      expect(connection.exhausted).toBe(true);
      expect(connection.nextStreamId).toBe(2 ** 32 + 1);
      expect(said()).toEqual(['00000000 fffffffd 01 00', '00000000 ffffffff 01 00']);
      expect(last.isActive).toBe(true);
    });

    it('of the last streams are heard', () => {
      const { open, hear } = start({ firstStreamId: 0xffff_ffff });
      const last = open('unary');
      hear('00000000 ffffffff 02 00');
      expect(last.events).toEqual(['message', 'ok']);
    });
  });
});

function requestWritten(error: unknown): boolean | undefined {
  return error instanceof ConnectionError ? error.requestWritten : undefined;
}
