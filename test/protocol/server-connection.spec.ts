import { describe, expect, it } from 'vitest';
import { PayloadTooLargeError, ProtocolError, type ConnectionError } from '../../lib/errors.js';
import type { ConnectionOptions } from '../../lib/protocol/connection-options.js';
import { StatusCode, type Status } from '../../lib/spec/status.js';
import { MemoryPair } from '../support/memory-pair.js';
import { frames, hex } from '../support/transcript.js';
import { serverAt, TestHandler } from './recording-streams.js';

/** Opens stream 1 of a method that takes one request, a stream of them, or gives a stream for one. */
const UNARY = '00000007 00000001 01 00 1205 "unary"';
const STREAM = '00000008 00000001 01 06 1206 "stream"';
const DOWN = '00000006 00000001 01 01 1204 "down"';

/** A server, and a far end that the test speaks for. */
function start(options: ConnectionOptions = {}) {
  const pair = new MemoryPair();
  const closes: ConnectionError[] = [];
  const handler = new TestHandler();
  const connection = serverAt(pair.server, handler, closes, options);
  return {
    connection,
    closes,
    handler,
    end: pair.server,
    pair,
    hear: (text: string): void => {
      pair.server.receive(hex(text));
      pair.settle();
    },
    said: (): string[] => {
      pair.settle();
      return frames(pair.server.takeSent());
    },
  };
}

/** The line of a refusal: a response with a status whose text has less than 118 bytes. */
function refusal(streamId: string, text: string, code = '03'): string {
  const byte = (value: number): string => value.toString(16).padStart(2, '0');
  const message = `08${code} 12${byte(text.length)} "${text}"`;
  const envelope = `0a${byte(hex(message).length)} ${message}`;
  return frames(hex(`000000${byte(hex(envelope).length)} ${streamId} 02 00 ${envelope}`))[0] ?? '';
}

const ABORTED: Status = { code: StatusCode.Aborted, message: 'no', details: [] };

describe('ServerConnection', () => {
  it('hands a request over with its id, flags and envelope', () => {
    const { hear, handler, connection } = start();
    hear('00000011 00000001 01 02 0a03 "foo" 1203 "bar" 1a05 0102030405');
    expect(handler.requests).toEqual(['1 2 /foo/bar 0102030405']);
    expect(connection.openStreams).toBe(1);
  });

  it('keeps nothing of a request once it was handed over', () => {
    const { hear, handler } = start();
    hear(UNARY);
    expect(handler.lastView?.bytes.length).toBe(0);
  });

  it('answers with one response', () => {
    const { hear, handler, said, connection } = start();
    hear(UNARY);
    const stream = handler.get(1);
    expect([stream.active, stream.halfClosed]).toEqual([true, true]);
    stream.respond(hex('1201 aa'));
    expect(said()).toEqual(['00000003 00000001 02 00 1201aa']);
    expect([stream.active, connection.openStreams]).toEqual([false, 0]);
  });

  it('sends the last answer that there is to give at once, with those that wait for it', () => {
    const { hear, handler, end } = start();
    const batches: string[][] = [];
    end.write = (batch) => {
      batches.push(frames(batch));
      return true;
    };
    hear(UNARY);
    hear('00000007 00000003 01 00 1205 "unary"');
    handler.get(3).respond(hex('1201 aa'));
    expect(batches).toEqual([]);
    handler.get(1).respond(hex('1201 bb'));
    const answers = ['00000003 00000003 02 00 1201aa', '00000003 00000001 02 00 1201bb'];
    expect(batches).toEqual([answers]);
  });

  it('answers with a status', () => {
    const { hear, handler, said } = start();
    hear(UNARY);
    handler.get(1).sendStatus(ABORTED);
    expect(said()).toEqual(['00000008 00000001 02 00 0a06080a12026e6f']);
  });

  it('answers with messages and an end', () => {
    const { hear, handler, said, connection } = start();
    hear(UNARY);
    const stream = handler.get(1);
    stream.send(hex('aa'));
    stream.send(hex(''));
    expect(stream.active).toBe(true);
    stream.sendEnd();
    expect(said()).toEqual([
      '00000001 00000001 03 00 aa',
      '00000000 00000001 03 00',
      '00000000 00000001 03 05',
    ]);
    expect([stream.active, connection.openStreams]).toEqual([false, 0]);
  });

  it('takes the messages of a stream and its end', () => {
    const { hear, handler, said } = start();
    hear(STREAM);
    const stream = handler.get(1);
    expect(stream.halfClosed).toBe(false);
    hear(`00000001 00000001 03 00 aa
      00000000 00000001 03 00
      00000000 00000001 03 04
      00000000 00000001 03 05`);
    expect(stream.events).toEqual(['message aa', 'message', 'half-closed']);
    expect([stream.halfClosed, stream.active]).toEqual([true, true]);
    expect(said()).toEqual([]);
  });

  it('takes a message in the frame that closes the half, unless it says that it has none', () => {
    const { hear, handler } = start();
    hear(`${STREAM} 00000001 00000001 03 01 aa`);
    expect(handler.get(1).events).toEqual(['message aa', 'half-closed']);
    hear('00000008 00000003 01 06 1206 "stream"  00000001 00000003 03 05 aa');
    expect(handler.get(3).events).toEqual(['half-closed']);
  });

  it('lets a half that is closed be closed again', () => {
    const { hear, handler, said } = start();
    hear(`${STREAM} 00000000 00000001 03 05 00000000 00000001 03 05`);
    expect(handler.get(1).events).toEqual(['half-closed']);
    expect(said()).toEqual([]);
  });

  it('is done with a stream once its end is sent, though the client has not closed its half', () => {
    const { hear, handler, said, connection } = start();
    hear(STREAM);
    handler.get(1).sendEnd();
    expect(connection.openStreams).toBe(0);
    said();
    hear('00000001 00000001 03 00 aa');
    expect(handler.get(1).events).toEqual([]);
    expect(said()).toEqual([refusal('00000001', 'StreamID is no longer active')]);
  });

  it('keeps a call going whose response is too long', () => {
    const { hear, handler, said } = start({ maxPayloadBytes: 1024 });
    hear(UNARY);
    const stream = handler.get(1);
    expect(() => stream.respond(Buffer.alloc(1025))).toThrow(PayloadTooLargeError);
    expect(() => stream.send(Buffer.alloc(1025))).toThrow(PayloadTooLargeError);
    expect(stream.active).toBe(true);
    stream.sendStatus(ABORTED);
    expect(said()).toEqual(['00000008 00000001 02 00 0a06080a12026e6f']);
  });

  describe('refusing', () => {
    it.each([
      ['an even id', '00000007 00000002 01 00 1205 "unary"', '00000002'],
      ['id 0', '00000000 00000000 03 00', '00000000'],
    ])('answers %s', (_, bytes, id) => {
      const { hear, said, handler } = start();
      hear(bytes);
      expect(said()).toEqual([refusal(id, 'StreamID must be odd for client initiated streams')]);
      expect(handler.requests).toEqual([]);
    });

    it('answers ids that do not increase, and ends the stream that had the id', () => {
      const { hear, said, handler } = start();
      hear('00000007 00000005 01 00 1205 "unary"');
      hear(UNARY);
      expect(handler.get(5).active).toBe(true);
      hear('00000007 00000005 01 00 1205 "unary"');
      const text = 'StreamID cannot be re-used and must increment';
      expect(said()).toEqual([refusal('00000001', text), refusal('00000005', text)]);
      expect(handler.requests).toHaveLength(1);
      expect(handler.get(5).events).toEqual([`cut off: ${text}`]);
      expect(handler.get(5).error).toBeInstanceOf(ProtocolError);
    });

    it('takes the last id there is', () => {
      const { hear, handler } = start();
      hear('00000007 ffffffff 01 00 1205 "unary"');
      expect(handler.get(0xffff_ffff).active).toBe(true);
    });

    it('answers an envelope that does not decode, and uses its id up', () => {
      const { hear, said, handler } = start();
      hear('00000001 00000001 01 00 0a');
      expect(said()).toEqual([
        refusal('00000001', 'unmarshal request error: unexpected end of message'),
      ]);
      hear(UNARY);
      expect(said()).toEqual([
        refusal('00000001', 'StreamID cannot be re-used and must increment'),
      ]);
      expect(handler.requests).toEqual([]);
    });

    it('answers data on a stream that never was', () => {
      const { hear, said } = start();
      hear('00000001 00000001 03 00 aa');
      expect(said()).toEqual([refusal('00000001', 'StreamID is no longer active')]);
    });

    it.each([
      ['data on a call with one request', UNARY, 'data frame on a call that has one request'],
      [
        'data on a call that streams only answers',
        DOWN,
        'data frame on a call that has one request',
      ],
      ['a message after the end', `${STREAM} 00000000 00000001 03 05`, 'stream is half-closed'],
    ])('answers %s, and cuts the call off', (_, before, text) => {
      const { hear, said, handler, connection } = start();
      hear(`${before} 00000001 00000001 03 00 aa`);
      expect(said()).toEqual([refusal('00000001', text)]);
      const stream = handler.get(1);
      expect(stream.events.at(-1)).toBe(`cut off: ${text}`);
      expect([stream.active, connection.openStreams, connection.closed]).toEqual([false, 0, false]);
    });

    it('takes no offence at a half-close of a call that streams only answers', () => {
      const { hear, said, handler } = start();
      hear(`${DOWN} 00000000 00000001 03 05 00000000 00000001 03 04`);
      expect(said()).toEqual([]);
      expect(handler.get(1).active).toBe(true);
    });

    it('answers a half-close of a unary call, and cuts it off', () => {
      const { hear, said } = start();
      hear(`${UNARY} 00000000 00000001 03 05`);
      expect(said()).toEqual([refusal('00000001', 'data frame on a call that has one request')]);
    });

    it('answers a frame above the limit, cuts its call off and drops its bytes', () => {
      const { hear, said, handler } = start({ maxPayloadBytes: 1024 });
      hear(`${STREAM} 00000401 00000001 03 00 ${'aa'.repeat(1025)}`);
      const text = 'message length 1025 exceed maximum message size of 1024';
      expect(said()).toEqual([refusal('00000001', text, '08')]);
      expect(handler.get(1).error).toBeInstanceOf(PayloadTooLargeError);
      hear('00000007 00000003 01 00 1205 "unary"');
      expect(handler.get(3).active).toBe(true);
    });

    it.each([
      [43, false],
      [44, false],
      [45, true],
    ])('answers metadata of %i bytes, of which 44 are allowed: %s', (size, refused) => {
      const { hear, said, handler, connection } = start({ maxMetadataBytes: 44 });
      // 32, and the pair: two tags, two lengths, the key and the value.
      const value = 'x'.repeat(size - 32 - 5);
      const pair = `0a01 "k" 120${value.length} "${value}"`;
      const envelope = `1205 "unary" 2a0${(5 + value.length).toString(16)} ${pair}`;
      hear(`${hex(envelope).length.toString(16).padStart(8, '0')} 00000001 01 00 ${envelope}`);
      const text = 'metadata of 45 bytes is above the limit of 44 (maxMetadataBytes)';
      expect(said()).toEqual(refused ? [refusal('00000001', text, '08')] : []);
      expect(handler.streams.has(1)).toBe(!refused);
      expect(connection.counters.oversizedMetadata).toBe(refused ? 1 : 0);
    });

    it('answers one stream more than may be open', () => {
      const { hear, said, handler } = start({ maxOpenStreams: 2 });
      hear(`${UNARY} 00000007 00000003 01 00 1205 "unary" 00000007 00000005 01 00 1205 "unary"`);
      expect(said()).toEqual([
        refusal('00000005', 'too many open streams: the limit is 2 on a connection', '08'),
      ]);
      handler.get(1).respond();
      hear('00000007 00000007 01 00 1205 "unary"');
      expect(handler.get(7).active).toBe(true);
    });

    it('ignores responses and types from the future', () => {
      const { hear, said, handler } = start();
      hear(`${STREAM} 00000000 00000001 02 00 00000001 00000001 04 00 aa 00000000 00000009 ff 00`);
      expect(said()).toEqual([]);
      expect(handler.get(1).active).toBe(true);
    });

    it('lets a peer go that has sent what can be no frame', () => {
      const { hear, handler, closes, end } = start();
      hear(STREAM);
      hear('"GET / HTTP/1.1" 0d0a');
      expect(end.closed).toBe(true);
      expect(closes).toHaveLength(1);
      expect(closes[0]).toMatchObject({ reason: 'protocol', cause: { scope: 'connection' } });
      expect(handler.get(1).events).toEqual([`cut off: ${closes[0]?.message}`]);
    });
  });

  describe('the end of the connection', () => {
    it.each(['00000000 00000001 03', ''])('cuts every open call off, behind %s too', (rest) => {
      const { hear, handler, end, pair, closes, connection } = start();
      hear(`${STREAM} 00000007 00000003 01 00 1205 "unary" ${rest}`);
      handler.get(3).respond();
      end.receiveEnd();
      pair.settle();
      expect(handler.get(1).events).toEqual([
        'cut off: connection closed by the peer (memory:test)',
      ]);
      expect(handler.get(3).events).toEqual([]);
      expect(closes.map(({ reason }) => reason)).toEqual(['eof']);
      expect([connection.openStreams, connection.closed]).toEqual([0, true]);
      handler.get(1).cutOff(closes[0] as ConnectionError);
      expect(handler.get(1).events).toHaveLength(1);
    });
  });

  describe('a peer that does not read', () => {
    // 100 bytes, and 256 for the status of each of three streams.
    it.each([
      [867, false],
      [868, false],
      [869, true],
    ])('with %i of 868 bytes waiting for it is let go: %s', (waiting, gone) => {
      const limits = { maxSendBufferBytes: 100, maxOpenStreams: 3 };
      const { hear, handler, end, pair, closes, connection } = start(limits);
      hear(`${STREAM} 00000007 00000003 01 00 1205 "unary" 00000007 00000005 01 00 1205 "unary"`);
      end.hold();
      handler.get(3).respond(Buffer.alloc(200));
      pair.settle();
      expect([connection.congested, connection.overfull]).toEqual([true, false]);
      handler.get(5).respond(Buffer.alloc(waiting - 10));
      pair.settle();
      expect([connection.overfull, connection.closed]).toEqual([!gone, gone]);
      expect(connection.counters.stalledConnections).toBe(gone ? 1 : 0);
      connection.reject(7, ABORTED);
      pair.settle();
      expect(closes.map(({ reason }) => reason)).toEqual(['stalled']);
      expect(handler.get(1).error).toMatchObject({
        kind: 'ttrpc.connection',
        details: 'connection closed: the peer does not read (memory:test)',
      });
    });
  });

  describe('draining', () => {
    it('closes an idle connection at once', () => {
      const { connection, closes, pair, end } = start();
      connection.drain();
      pair.settle();
      expect(closes.map(({ reason }) => reason)).toEqual(['local']);
      expect(end.asked).toEqual(['end']);
    });

    it('refuses new streams and closes the connection behind the last open one', () => {
      const { connection, hear, handler, said, closes } = start();
      hear(`${STREAM} 00000007 00000003 01 00 1205 "unary"`);
      connection.drain();
      hear('00000007 00000005 01 00 1205 "unary"  00000001 00000001 03 00 aa');
      expect(handler.requests).toHaveLength(2);
      expect(handler.get(1).events).toEqual(['message aa']);
      expect(said()).toEqual([refusal('00000005', 'server is shutting down', '0e')]);
      handler.get(1).respond();
      expect(connection.closed).toBe(false);
      handler.get(3).respond();
      expect(connection.closed).toBe(true);
      expect(said()).toEqual(['00000000 00000001 02 00', '00000000 00000003 02 00']);
      expect(closes.map(({ reason }) => reason)).toEqual(['local']);
    });

    it('closes the connection behind the refusal that ends the last open stream', () => {
      for (const [wrong, text, code] of [
        ['00000001 00000001 03 00 aa', 'data frame on a call that has one request', '03'],
        [
          '00400001 00000001 03 00',
          'message length 4194305 exceed maximum message size of 4194304',
          '08',
        ],
      ] as const) {
        const { connection, hear, said, closes } = start();
        hear(UNARY);
        connection.drain();
        hear(wrong);
        expect(said()).toEqual([refusal('00000001', text, code)]);
        expect(connection.closed).toBe(true);
        expect(closes.map(({ reason }) => reason)).toEqual(['local']);
      }
    });

    it('waits until a peer that is slow has taken the last response', () => {
      const { connection, hear, handler, said, closes, end } = start();
      hear(`${UNARY} 00000007 00000003 01 00 1205 "unary"`);
      end.hold();
      handler.get(1).respond(Buffer.alloc(100_000));
      expect(said()).toEqual([]);
      connection.drain();
      handler.get(3).respond(hex('1201 aa'));
      expect(said()).toEqual([]);
      end.pass();
      expect(said().map((line) => line.slice(0, 17))).toEqual(['000186a0 00000001']);
      expect([connection.closed, end.asked]).toEqual([false, []]);
      end.pass();
      expect(said()).toEqual(['00000003 00000003 02 00 1201aa']);
      expect(end.asked).toEqual(['end']);
      expect(closes.map(({ reason }) => reason)).toEqual(['local']);
    });
  });
});
