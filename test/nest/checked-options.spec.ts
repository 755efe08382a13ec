import { describe, expect, it } from 'vitest';
import { ClientTtrpc, ServerTtrpc } from '../../lib/index.js';
import { CLIENT_OPTIONS, SERVER_OPTIONS } from '../../lib/nest/checked-options.js';
import { connect, ROOM, socketPath, start } from './app.js';

const NEVER = { ...ROOM, url: 'unix:///run/never.sock' };
const server = (options: unknown): ServerTtrpc => new ServerTtrpc(options as never);
const client = (options: unknown): ClientTtrpc => new ClientTtrpc(options as never);

describe('checkOptions', () => {
  it.each<[string, RegExp]>([
    ['protopath', /did you mean protoPath\?/],
    ['toString', /has no option toString; it has url, /],
    ['nonsense', /it has url, .*package, protoPath/],
  ])('refuses %s and says what there is', (name, expected) => {
    expect(() => server({ ...NEVER, [name]: 1 })).toThrow(expected);
    expect(() => client({ ...NEVER, [name]: 1 })).toThrow(expected);
  });

  it('refuses what is no options', () => {
    for (const given of [undefined, null, 'unix:///run/x.sock']) {
      expect(() => server(given)).toThrow('ServerTtrpc needs an object of options, got');
      expect(() => client(given)).toThrow('ClientTtrpc needs an object of options, got');
    }
  });

  it('takes an option that is undefined for absent, whatever its name', () => {
    expect(server({ ...NEVER, nonsense: undefined, graceMs: undefined })).toBeDefined();
    expect(client({ ...NEVER, nonsense: undefined, timeoutMs: undefined })).toBeDefined();
  });

  it.each<[string, unknown, string]>([
    ['gracefulShutdown', 'yes', 'gracefulShutdown must be a boolean, got string'],
    ['strict', 1, 'strict must be a boolean, got number'],
    ['exposeErrorMessages', 'no', 'exposeErrorMessages must be a boolean, got string'],
    ['onError', true, 'onError must be a function, got boolean'],
    ['graceMs', 0, 'graceMs must be a number above 0 (ms), got 0'],
    ['handshake', 'hello', 'handshake must be a function, got string'],
    ['maxConnections', 0, 'maxConnections'],
    ['maxPayloadBytes', -1, 'maxPayloadBytes'],
    ['socketMode', 0o1777, 'socketMode'],
    ['url', undefined, 'url must be an address such as unix:///run/app.sock, got undefined'],
    [
      'protoLoader',
      {},
      'protoLoader must be the name of a module or have a loadSync, got an object',
    ],
    ['onLoadPackageDefinition', 1, 'onLoadPackageDefinition must be a function, got number'],
    ['reconnect', {}, 'ServerTtrpc has no option reconnect'],
    ['listen', 'here', 'listen must be a function, got string'],
    ['listen', () => undefined, 'url and listen exclude each other: give one of them'],
  ])('refuses %s of the server that is %o when it is made', (name, value, expected) => {
    expect(() => server({ ...NEVER, [name]: value })).toThrow(expected);
  });

  it.each<[string, unknown, string]>([
    ['onClose', 7, 'onClose must be a function, got number'],
    ['timeoutMs', 0, 'timeoutMs must be a number above 0 (ms), got 0'],
    ['protoLoader', '', 'protoLoader must be the name of a module or have a loadSync, got ""'],
    ['reconnect', { maxMs: 0 }, 'reconnect.initialMs must be a number from 1'],
    ['waitForReady', 1, 'waitForReady must be true or false, got number'],
    ['onStateChange', 1, 'onStateChange must be a function, got number'],
    ['graceMs', 1, 'ClientTtrpc has no option graceMs'],
    ['dial', 'tcp', 'dial must be a function that gives a Duplex, got string'],
    ['stream', 7, 'stream must be an open Duplex, got number'],
    ['url', 7, 'url must be an address such as unix:///run/app.sock, got number'],
    ['url', 'http://localhost', 'http'],
  ])('refuses %s of the client that is %o when it is made', (name, value, expected) => {
    expect(() => client({ ...NEVER, [name]: value })).toThrow(expected);
  });

  it('knows no option twice', () => {
    for (const names of [SERVER_OPTIONS, CLIENT_OPTIONS]) {
      expect(new Set(names).size).toBe(names.length);
    }
  });
});

describe('loadDefinitions', () => {
  it.each<[string, object, RegExp]>([
    [
      'two sources',
      { packageDefinition: {} },
      /exactly one of protoPath, packageDefinition.* got protoPath and packageDefinition/,
    ],
    ['no source', { protoPath: undefined }, /exactly one of .* got none of them/],
    ['a file that is missing', { protoPath: '/no/such.proto' }, /cannot find \/no\/such\.proto/],
    [
      'a file that is missing in every folder',
      { protoPath: 'such.proto', loader: { includeDirs: ['/no', '/neither'] } },
      /cannot find such\.proto; searched: \/no, \/neither/,
    ],
    [
      'an unknown package',
      { package: 'acme.v2' },
      /no service in package acme\.v2; did you mean acme\.v1/,
    ],
    [
      'a package that is no name',
      { package: 7 },
      /package must be a name or a list of names, got 7/,
    ],
    ['an empty list of packages', { package: [] }, /package must be a name or a list of names/],
  ])('refuses %s', async (_, options, expected) => {
    await expect(start([], { options })).rejects.toThrow(expected);
    const made = connect(`unix://${socketPath()}`, options);
    expect(() => made.getService('RoomService')).toThrow(expected);
  });
});
