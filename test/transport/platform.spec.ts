import { describe, expect, it } from 'vitest';
import type { Address } from '../../lib/transport/address.js';
import { unsupportedReason } from '../../lib/transport/platform.js';

const ABSTRACT: Address = { kind: 'abstract', name: 'x' };
const PIPE: Address = { kind: 'pipe', path: String.raw`\\.\pipe\x` };
const UNIX: Address = { kind: 'unix', path: '/x' };

describe('unsupportedReason', () => {
  it.each(['1.46.0', '1.47.9', '0.99.0'])('refuses abstract sockets on libuv %s', (uv) => {
    const reason = unsupportedReason(ABSTRACT, { os: 'linux', uv });
    expect(reason).toBe(
      `abstract sockets need libuv 1.48 or later, this Node has ${uv} (Node 22 is new enough)`,
    );
  });

  it.each(['1.48.0', '1.51.0', '2.0.0'])('allows abstract sockets on libuv %s', (uv) => {
    expect(unsupportedReason(ABSTRACT, { os: 'linux', uv })).toBeUndefined();
  });

  it('refuses abstract sockets outside Linux', () => {
    expect(unsupportedReason(ABSTRACT, { os: 'darwin', uv: '1.51.0' })).toContain('Linux only');
  });

  it('allows named pipes on Windows only, and unix sockets everywhere else', () => {
    expect(unsupportedReason(PIPE, { os: 'win32', uv: '1.48.0' })).toBeUndefined();
    expect(unsupportedReason(PIPE, { os: 'linux', uv: '1.48.0' })).toContain('Windows only');
    expect(unsupportedReason(UNIX, { os: 'linux', uv: '1.46.0' })).toBeUndefined();
    expect(unsupportedReason(UNIX, { os: 'win32', uv: '1.48.0' })).toContain('named pipe');
  });

  it('allows TCP and descriptors anywhere', () => {
    const platform = { os: 'win32', uv: '1.46.0' };
    expect(unsupportedReason({ kind: 'tcp', host: 'h', port: 1 }, platform)).toBeUndefined();
    expect(unsupportedReason({ kind: 'fd', fd: 3 }, platform)).toBeUndefined();
  });
});
