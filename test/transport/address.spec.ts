import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  formatAddress,
  parseAddress,
  systemPath,
  type Address,
} from '../../lib/transport/address.js';
import { socketPathLimit } from '../../lib/transport/socket-path-limit.js';

const PIPE = String.raw`\\.\pipe\x`;

describe('parseAddress', () => {
  it.each<[string, Address]>([
    ['unix:///run/x.sock', { kind: 'unix', path: '/run/x.sock' }],
    ['unix:/run/x.sock', { kind: 'unix', path: '/run/x.sock' }],
    ['/run/x.sock', { kind: 'unix', path: '/run/x.sock' }],
    ['unix:relative.sock', { kind: 'unix', path: 'relative.sock' }],
    ['unix://relative.sock', { kind: 'unix', path: 'relative.sock' }],
    ['./x.sock', { kind: 'unix', path: './x.sock' }],
    ['../x.sock', { kind: 'unix', path: '../x.sock' }],
    ['unix:./@x', { kind: 'unix', path: './@x' }],
    ['unix:///a%20b:c', { kind: 'unix', path: '/a%20b:c' }],
    ['unix:@name', { kind: 'abstract', name: 'name' }],
    ['unix://@/run/name', { kind: 'abstract', name: '/run/name' }],
    ['\0name', { kind: 'abstract', name: 'name' }],
    ['unix:\0name', { kind: 'abstract', name: 'name' }],
    ['tcp://localhost:1024', { kind: 'tcp', host: 'localhost', port: 1024 }],
    ['tcp://127.0.0.1:0', { kind: 'tcp', host: '127.0.0.1', port: 0 }],
    ['tcp://[::1]:65535', { kind: 'tcp', host: '::1', port: 65535 }],
    ['TCP://host:1', { kind: 'tcp', host: 'host', port: 1 }],
    ['fd:3', { kind: 'fd', fd: 3 }],
    ['hvsock:///run/fc.sock:1024', { kind: 'hvsock', path: '/run/fc.sock', port: 1024 }],
    ['hvsock:///a:b:4294967295', { kind: 'hvsock', path: '/a:b', port: 4_294_967_295 }],
    [PIPE, { kind: 'pipe', path: PIPE }],
    ['npipe:////./pipe/x', { kind: 'pipe', path: PIPE }],
    ['npipe://./pipe/x', { kind: 'pipe', path: PIPE }],
  ])('reads %j', (text, address) => {
    expect(parseAddress(text)).toEqual(address);
  });

  it.each([
    ['', 'address must be unix:///path'],
    ['name.sock', 'a path that starts with "/", "./" or "../"; got "name.sock"'],
    ['http://x:1', 'got "http://x:1"'],
    ['constructor:x', 'got "constructor:x"'],
    ['unix:', 'a path must follow'],
    ['unix://', 'a path must follow'],
    ['unix:@', 'an abstract socket needs a name'],
    ['\0', 'an abstract socket needs a name'],
    ['unix:///a\0b', 'cannot contain a zero byte'],
    ['tcp:host:1', 'the form is tcp://host:port'],
    ['tcp://:1', 'the form is tcp://host:port'],
    ['tcp://host', 'the form is tcp://host:port'],
    ['tcp://::1:80', 'the form is tcp://host:port'],
    ['tcp://u@host:1', 'the form is tcp://host:port'],
    ['tcp://[host]:1', '"host" is not an IPv6 address'],
    ['tcp://host:', 'port must be an integer from 0 to 65535, got ""'],
    ['tcp://host:1/', 'port must be an integer from 0 to 65535, got "1/"'],
    ['tcp://host:-1', 'got "-1"'],
    ['fd:', 'file descriptor must be an integer from 0 to 2147483647, got ""'],
    ['fd:three', 'got "three"'],
    ['hvsock://relative:1', 'hvsock:///absolute/path:port'],
    ['hvsock:///x', 'hvsock:///absolute/path:port'],
    ['hvsock:///x:y', 'port must be an integer from 0 to 4294967295, got "y"'],
    ['npipe:x', 'npipe:////./pipe/name'],
    ['\\\\.\\other\\x', 'npipe:////./pipe/name'],
  ])('refuses %j with a TypeError that says what is allowed', (text, problem) => {
    expect(() => parseAddress(text)).toThrow(TypeError);
    expect(() => parseAddress(text)).toThrow(problem);
  });

  it('refuses what is not text', () => {
    expect(() => parseAddress(3000 as unknown as string)).toThrow('got number');
  });

  it.each(['tcp://h:65536', 'fd:2147483648', 'hvsock:///x:4294967296'])(
    'refuses the number in %j with a RangeError',
    (text) => {
      expect(() => parseAddress(text)).toThrow(RangeError);
    },
  );

  it('takes a path as long as the system allows and refuses one byte more', () => {
    const limit = socketPathLimit();
    const longest = `/${'é'.repeat((limit - 1) / 2)}${limit % 2 === 0 ? 'x' : ''}`;
    expect(Buffer.byteLength(longest)).toBe(limit);
    expect(parseAddress(longest)).toEqual({ kind: 'unix', path: longest });
    for (const text of [
      `${longest}x`,
      `unix:@${'x'.repeat(limit + 1)}`,
      `hvsock://${longest}x:1`,
    ]) {
      expect(() => parseAddress(text)).toThrow(RangeError);
      expect(() => parseAddress(text)).toThrow(
        `of ${limit + 1} bytes is above this system's limit of ${limit} bytes`,
      );
    }
  });
});

describe('formatAddress', () => {
  it.each<[Address, string]>([
    [{ kind: 'unix', path: '/run/x.sock' }, 'unix:///run/x.sock'],
    [{ kind: 'unix', path: 'x.sock' }, 'unix:x.sock'],
    [{ kind: 'unix', path: '@x' }, 'unix:./@x'],
    [{ kind: 'abstract', name: 'x' }, 'unix:@x'],
    [{ kind: 'tcp', host: 'h', port: 1 }, 'tcp://h:1'],
    [{ kind: 'tcp', host: '::1', port: 1 }, 'tcp://[::1]:1'],
    [{ kind: 'fd', fd: 3 }, 'fd:3'],
    [{ kind: 'hvsock', path: '/x', port: 7 }, 'hvsock:///x:7'],
    [{ kind: 'pipe', path: PIPE }, 'npipe:////./pipe/x'],
  ])('writes %j', (address, text) => {
    expect(formatAddress(address)).toBe(text);
  });

  it('refuses what no address is', () => {
    expect(() => formatAddress('unix:x' as unknown as Address)).toThrow(TypeError);
  });

  it('writes what parseAddress reads back, whatever it is', () => {
    const name = fc.string({ minLength: 1, maxLength: 30, unit: 'grapheme' });
    const safe = name.filter((text) => !text.includes('\0') && Buffer.byteLength(text) < 100);
    const file = safe.filter((text) => !text.startsWith('@') && !text.startsWith('//'));
    const port = fc.nat({ max: 65_535 });
    const address: fc.Arbitrary<Address> = fc.oneof(
      fc.record({ kind: fc.constant('unix'), path: file }),
      fc.record({ kind: fc.constant('unix'), path: safe.map((text) => `/${text}`) }),
      fc.record({ kind: fc.constant('abstract'), name: safe }),
      fc.record({ kind: fc.constant('tcp'), host: fc.domain(), port }),
      fc.record({ kind: fc.constant('tcp'), host: fc.ipV4(), port }),
      fc.record({
        kind: fc.constant('tcp'),
        host: fc.ipV6().filter((ip) => ip.includes(':')),
        port,
      }),
      fc.record({ kind: fc.constant('fd'), fd: fc.nat() }),
      fc.record({
        kind: fc.constant('hvsock'),
        path: safe.map((text) => `/${text}`),
        port: fc.nat({ max: 0xffff_ffff }),
      }),
      fc.record({
        kind: fc.constant('pipe'),
        path: safe.map((text) => String.raw`\\.\pipe` + `\\${text.replaceAll('/', '\\')}`),
      }),
    );
    fc.assert(
      fc.property(address, (given) => {
        expect(parseAddress(formatAddress(given))).toEqual(given);
      }),
      { numRuns: 1000 },
    );
  });
});

describe('systemPath', () => {
  it('puts the zero byte in front of an abstract name, and leaves a path alone', () => {
    expect(systemPath({ kind: 'abstract', name: 'x' })).toBe('\0x');
    expect(systemPath({ kind: 'unix', path: '/x' })).toBe('/x');
  });
});

describe('socketPathLimit', () => {
  it('leaves room for the terminating zero', () => {
    expect(socketPathLimit('linux')).toBe(107);
    expect(socketPathLimit('darwin')).toBe(103);
  });
});
