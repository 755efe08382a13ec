import { describe, expect, it } from 'vitest';
import { ProtocolError, type ConnectionError } from '../../lib/errors.js';
import { ClientConnection } from '../../lib/protocol/client-connection.js';
import { CONNECTION_DEFAULTS } from '../../lib/protocol/connection-options.js';
import { MemoryPair } from '../support/memory-pair.js';
import { frames, hex } from '../support/transcript.js';
import { clientAt, serverAt, TestClientStream, TestHandler } from './recording-streams.js';

/** A client with one open stream, and a far end that the test speaks for. */
function start(options: Parameters<typeof clientAt>[2] = {}) {
  const pair = new MemoryPair();
  const closes: ConnectionError[] = [];
  const connection = clientAt(pair.client, closes, options);
  const stream = new TestClientStream('bidirectional').start(connection);
  pair.settle();
  pair.client.takeSent();
  return { connection, closes, stream, end: pair.client, pair };
}

/** The same, with the length of each batch written down. */
function startCounting() {
  const started = start();
  const { end } = started;
  const batches: number[] = [];
  const { write } = end;
  end.write = (batch) => {
    batches.push(batch.length);
    return write.call(end, batch);
  };
  return { ...started, batches };
}

/** Waits for room, and writes down when it had some. */
function waiter(name: string, log: string[], onDrain: () => void = () => {}) {
  return {
    onDrain: () => {
      log.push(name);
      onDrain();
    },
  };
}

describe('Connection', () => {
  it('writes the few frames of one turn as one batch', () => {
    const { stream, pair, batches } = startCounting();
    for (let count = 0; count < 90; count++) stream.send(hex('aa'));
    expect(batches).toEqual([]);
    pair.settle();
    stream.send(hex('aa'));
    pair.settle();
    expect(batches).toEqual([990, 11]);
  });

  it('writes the many frames of one turn in quarters of the turn before, and at least 1 KiB', () => {
    const { stream, pair, batches } = startCounting();
    const turn = (count: number): number[] => {
      for (let sent = 0; sent < count; sent++) stream.send(hex('aa'));
      pair.settle();
      return batches.splice(0);
    };
    expect(turn(94)).toEqual([1034]);
    expect(turn(1000)).toEqual([...Array<number>(10).fill(1034), 660]);
    expect(turn(1000)).toEqual([2750, 2750, 2750, 2750]);
    expect(turn(1001)).toEqual([2750, 2750, 2750, 2750, 11]);
    expect(turn(10)).toEqual([110]);
    expect(turn(94)).toEqual([1034]);
  });

  it('writes at once what fills a slab, however much the turn before wrote', () => {
    const { stream, pair, batches } = startCounting();
    for (let count = 0; count < 50; count++) stream.send(Buffer.alloc(10_000));
    pair.settle();
    expect(batches.splice(0)).toHaveLength(50);
    stream.send(Buffer.alloc(65_525));
    expect(batches).toEqual([]);
    stream.send(hex(''));
    expect(batches).toEqual([65_535, 10]);
    pair.settle();
    expect(batches).toHaveLength(2);
  });

  it('writes what it answers to a chunk as soon as that is worked through', () => {
    const { connection, stream, pair, batches } = startCounting();
    stream.onEvent = () => stream.send(hex('aa'));
    const twice = hex('00000001 00000001 03 00 bb').toString('hex').repeat(2);
    connection.receive(hex(twice));
    expect(batches).toEqual([22]);
    pair.settle();
    expect(batches).toEqual([22]);
  });

  it('carries a whole conversation between both roles, however its bytes are cut', () => {
    const pair = new MemoryPair();
    pair.client.cuts = [1, 2, 3, 50];
    pair.server.cuts = [7, 1];
    const client = clientAt(pair.client);
    const handler = new TestHandler();
    serverAt(pair.server, handler);
    const call = new TestClientStream('bidirectional').start(client, hex('1206 "stream"'));
    for (let count = 0; count < 50; count++) call.send(Buffer.alloc(count, count));
    call.halfClose();
    pair.settle();
    const served = handler.get(1);
    expect(served.events).toHaveLength(51);
    expect(served.events[49]).toBe(`message ${'31'.repeat(49)}`);
    for (let count = 0; count < 50; count++) served.send(Buffer.alloc(count, count));
    served.sendEnd();
    pair.settle();
    expect(call.events).toHaveLength(51);
    expect(call.events.slice(-2)).toEqual([`message ${'31'.repeat(49)}`, 'ok']);
  });

  describe('a pipe that is full', () => {
    it('gets nothing more until it has drained, then everything in order', () => {
      const { connection, stream, end, pair } = start();
      end.hold();
      stream.send(hex('01'));
      pair.settle();
      expect(connection.congested).toBe(true);
      stream.send(hex('02'));
      stream.send(Buffer.alloc(70_000));
      stream.send(hex('03'));
      pair.settle();
      expect(end.takeSent().length).toBe(0);
      end.release();
      pair.settle();
      expect(connection.congested).toBe(false);
      expect(frames(end.takeSent()).map((line) => line.slice(0, 26))).toEqual([
        '00000001 00000001 03 00 01',
        '00000001 00000001 03 00 02',
        '00011170 00000001 03 00 00',
        '00000001 00000001 03 00 03',
      ]);
    });

    it('says when more waits than the bound allows', () => {
      const { connection, stream, end, pair } = start({ maxSendBufferBytes: 100 });
      stream.send(Buffer.alloc(200));
      expect(connection.overfull).toBe(false);
      end.hold();
      pair.settle();
      stream.send(Buffer.alloc(90));
      expect(connection.overfull).toBe(false);
      stream.send(hex(''));
      expect(connection.overfull).toBe(true);
      end.release();
      pair.settle();
      expect(connection.overfull).toBe(false);
    });

    it('wakes who waits in the order of asking, once a wait, and as long as there is room', () => {
      const { connection, stream, end, pair } = start();
      const log: string[] = [];
      const fill = (): void => stream.send(Buffer.alloc(70_000));
      const again = waiter('again', log, () => {
        fill();
        connection.waitForDrain(again);
      });
      end.hold();
      fill();
      connection.waitForDrain(waiter('first', log));
      connection.waitForDrain(again);
      const gone = waiter('gone', log);
      connection.waitForDrain(gone);
      connection.waitForDrain(waiter('last', log));
      connection.stopWaiting(gone);
      end.pass();
      pair.settle();
      expect(log).toEqual(['first', 'again']);
      end.pass();
      pair.settle();
      expect(log).toEqual(['first', 'again', 'last', 'again']);
    });

    it('wakes nobody while what waits fills it again', () => {
      const { connection, stream, end, pair } = start();
      const log: string[] = [];
      end.hold();
      stream.send(Buffer.alloc(70_000));
      stream.send(Buffer.alloc(70_000));
      connection.waitForDrain(waiter('one', log));
      end.pass();
      pair.settle();
      expect([log, connection.congested]).toEqual([[], true]);
      end.pass();
      pair.settle();
      expect(log).toEqual(['one']);
    });

    it('wakes nobody once the connection is gone', () => {
      const { connection, stream, end, pair } = start();
      const log: string[] = [];
      end.hold();
      stream.send(Buffer.alloc(70_000));
      connection.waitForDrain(waiter('one', log));
      end.fail(new Error('EPIPE'));
      pair.settle();
      connection.onDrain();
      expect(log).toEqual([]);
    });
  });

  describe('reading', () => {
    it('stops with the first pause and goes on with the last resumption', () => {
      const { connection, stream, end, pair } = start();
      connection.pauseReading();
      connection.pauseReading();
      expect(end.asked).toEqual(['pause']);
      end.receive(hex('00000001 00000001 03 00 aa'));
      pair.settle();
      connection.resumeReading();
      pair.settle();
      expect(stream.events).toEqual([]);
      connection.resumeReading();
      pair.settle();
      expect(end.asked).toEqual(['pause', 'resume']);
      expect(stream.events).toEqual(['message aa']);
      connection.pauseReading();
      expect(end.asked).toEqual(['pause', 'resume', 'pause']);
    });

    it('is not asked of a pipe that is gone', () => {
      const { connection, end, pair } = start();
      connection.pauseReading();
      end.fail(new Error('gone'));
      pair.settle();
      connection.resumeReading();
      connection.pauseReading();
      expect(end.asked).toEqual(['pause']);
    });
  });

  describe('closing', () => {
    it('lets leave what was written, and hears nothing more', () => {
      const { connection, stream, end, pair, closes } = start();
      stream.send(hex('aa'));
      connection.close();
      connection.close();
      expect(connection.closed).toBe(true);
      end.receive(hex('00000001 00000001 03 00 bb'));
      pair.settle();
      expect(frames(end.takeSent())).toEqual(['00000001 00000001 03 00 aa']);
      expect(end.asked).toEqual(['end']);
      expect(stream.events).toEqual(['failure connection closed by this side (memory:test)']);
      expect(closes.map(({ reason }) => reason)).toEqual(['local']);
    });

    it('does not wait for a peer that does not read', () => {
      const { connection, stream, end, pair, closes } = start();
      end.hold();
      stream.send(hex('aa'));
      connection.close();
      expect(end.asked).toEqual(['destroy']);
      pair.settle();
      expect(closes.map(({ reason }) => reason)).toEqual(['local']);
    });

    it('stops in the middle of a chunk', () => {
      const { connection, stream, end, pair } = start();
      stream.onEvent = () => connection.close();
      end.receive(hex('00000001 00000001 03 00 aa 00000001 00000001 03 00 bb'));
      pair.settle();
      expect(stream.events).toEqual([
        'message aa',
        'failure connection closed by this side (memory:test)',
      ]);
    });

    it('is over when the connection is gone', () => {
      const { connection, end, pair } = start();
      end.receiveEnd();
      pair.settle();
      connection.close();
      connection.destroy();
      expect(end.asked).toEqual([]);
    });
  });

  describe('destroying', () => {
    it('drops what was written', () => {
      const { connection, stream, end, pair, closes } = start();
      stream.send(hex('aa'));
      connection.destroy();
      expect(connection.closed).toBe(true);
      end.receive(hex('00000001 00000001 03 00 bb'));
      pair.settle();
      expect(end.takeSent().length).toBe(0);
      expect(stream.events).toEqual(['failure connection closed by this side (memory:test)']);
      expect(closes).toHaveLength(1);
      expect(connection.writer.buffer.length).toBe(0);
    });

    it('ends a close that takes too long, and its reason stays', () => {
      const { connection, end, pair, closes } = start();
      connection.close();
      connection.destroy('stalled');
      expect(end.asked).toEqual(['end', 'destroy']);
      pair.settle();
      expect(closes.map(({ reason }) => reason)).toEqual(['local']);
    });
  });

  describe('its end', () => {
    it.each<[string, Error | undefined, string, string]>([
      ['the peer’s', undefined, 'eof', 'connection closed by the peer (memory:test)'],
      [
        'the system’s',
        new Error('write EPIPE'),
        'io',
        'connection lost (memory:test, write EPIPE)',
      ],
      [
        'a broken rule’s',
        new ProtocolError('bad', 'connection'),
        'protocol',
        'connection closed: the peer broke the protocol (memory:test, bad)',
      ],
    ])('is told with its reason: %s', (_, cause, reason, message) => {
      const { connection, closes, stream } = start();
      connection.onClosed(cause);
      connection.onClosed(new Error('again'));
      expect(closes).toHaveLength(1);
      expect(closes[0]).toMatchObject({ reason, message, requestWritten: true });
      expect(closes[0]?.cause).toBe(cause);
      expect(stream.events).toEqual([`failure ${message}`]);
    });

    it('needs nobody to tell', () => {
      const pair = new MemoryPair();
      const setup = { sink: pair.client, address: '', options: CONNECTION_DEFAULTS };
      const connection = new ClientConnection(setup);
      expect(() => connection.onClosed()).not.toThrow();
      expect(connection.closed).toBe(true);
    });
  });

  it('leaves no memory held when it is idle', () => {
    const { connection, stream, pair } = start();
    for (let count = 0; count < 10_000; count++) {
      stream.send(Buffer.alloc(count % 200));
      if (count % 500 === 0) pair.settle();
    }
    pair.settle();
    expect([connection.writer.buffer.length, connection.writer.pending]).toEqual([0, 0]);
  });
});
