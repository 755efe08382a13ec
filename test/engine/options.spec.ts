import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { resolveClientOptions } from '../../lib/engine/client-options.js';
import { resolveServerOptions } from '../../lib/engine/server-options.js';

const dial = (): never => {
  throw new Error('unused');
};

describe('resolveClientOptions', () => {
  it('fills in defaults, and takes undefined for none', () => {
    const given = { address: '/run/x.sock', timeoutMs: undefined, interceptors: undefined };
    const resolved = resolveClientOptions(given);
    expect(resolved).toMatchObject({
      address: 'unix:///run/x.sock',
      timeoutMs: Infinity,
      interceptors: [],
      connection: { maxPayloadBytes: 4 << 20, stallTimeoutMs: 2000 },
    });
    expect(Object.isFrozen(resolved)).toBe(true);
    resolved.onConnect();
  });

  it('names a Duplex by the address, if there is one', () => {
    expect(resolveClientOptions({ dial }).address).toBe('a Duplex');
    expect(resolveClientOptions({ dial, address: 'lane 3' }).address).toBe('lane 3');
  });

  it.each<[object, string]>([
    [{}, 'a client needs an address (or dial), got undefined'],
    [{ address: 7 }, 'a client needs an address (or dial), got number'],
    [{ dial: 'x' }, 'dial must be a function that gives a Duplex, got string'],
    [{ stream: 'x' }, 'stream must be an open Duplex, got string'],
    [{ stream: null }, 'stream must be an open Duplex, got object'],
    [{ dial, stream: new PassThrough() }, 'a client takes dial or stream, got both'],
    [{ stream: new PassThrough(), tls: {} }, 'tls is for an address'],
    [{ dial, timeoutMs: 0 }, 'timeoutMs must be a number above 0 (ms), got 0'],
    [{ dial, timeoutMs: '5' }, 'timeoutMs must be a number above 0 (ms), got string'],
    [{ dial, connectTimeoutMs: -1 }, 'connectTimeoutMs must be a number above 0 (ms), got -1'],
    [{ dial, connectTimeoutMs: Number.NaN }, 'connectTimeoutMs must be'],
    [{ dial, maxPayloadBytes: 1 }, 'maxPayloadBytes must be a whole number'],
  ])('refuses %j', (given, message) => {
    expect(() => resolveClientOptions(given)).toThrow(message);
  });
});

describe('resolveServerOptions', () => {
  it('fills in defaults, and takes undefined for none', () => {
    const resolved = resolveServerOptions({ maxConnections: undefined });
    expect(resolved).toMatchObject({
      maxConnections: 10_000,
      handshake: undefined,
      handshakeTimeoutMs: 10_000,
      idleTimeoutMs: Infinity,
      socketMode: undefined,
      exposeErrorMessages: false,
    });
    expect(Object.isFrozen(resolved)).toBe(true);
    expect(resolveServerOptions({ socketMode: 0o600 }).socketMode).toBe(0o600);
    expect(resolveServerOptions({ handshakeTimeoutMs: Infinity }).handshakeTimeoutMs).toBe(
      Infinity,
    );
  });

  it.each<[object, string]>([
    [{ handshake: 7 }, 'handshake must be a function, got number'],
    [{ maxConnections: 0 }, 'maxConnections must be a whole number from 1'],
    [{ handshakeTimeoutMs: 0 }, 'handshakeTimeoutMs must be a number above 0 (ms), got 0'],
    [{ idleTimeoutMs: 0 }, 'idleTimeoutMs must be a number above 0 (ms), got 0'],
    [{ socketMode: 0o1000 }, 'socketMode must be a whole number from 1 to 511, got 512'],
    [{ maxOpenStreams: 0 }, 'maxOpenStreams must be a whole number'],
  ])('refuses %j', (given, message) => {
    expect(() => resolveServerOptions(given)).toThrow(message);
  });
});
