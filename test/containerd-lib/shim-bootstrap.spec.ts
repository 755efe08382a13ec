import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { formatDeleteAnswer, formatInfoAnswer } from '../../lib/containerd/shim-answers.js';
import { formatShimAnswer, readShimInput } from '../../lib/containerd/shim-bootstrap.js';
import { loadServices } from '../../lib/proto/service-definition.js';

const protos = join(import.meta.dirname, '../../sample/containerd-proto');
// These are held against Go's descriptors, by npm run test:containerd.
const catalog = loadServices({
  protoPath: ['bootstrap-v1', 'task-v2', 'types', 'runc-options'].map((name) =>
    join(protos, `${name}.proto`),
  ),
  loader: { longs: Number },
});

const encode = (type: string, message: object): Uint8Array =>
  catalog.encodeAny(type, message).value;
const decode = (type: string, value: Uint8Array): unknown =>
  catalog.decodeAny({ typeUrl: type, value })?.message;

const PARAMS = 'containerd.runtime.bootstrap.v1.BootstrapParams';
const OPTIONS = { type_url: 'containerd.runc.v1.Options', value: Buffer.from('10 01', 'hex') };

describe('readShimInput', () => {
  it('reads the parameters of containerd 2.3', () => {
    const bytes = encode(PARAMS, {
      instanceId: 'c1',
      namespace: 'default',
      logLevel: -4,
      containerdVersion: '2.3.4',
      containerdTtrpcAddress: '/run/c.sock.ttrpc',
      containerdGrpcAddress: '/run/c.sock',
      containerdBinary: '/usr/bin/containerd',
      extensions: [{ value: OPTIONS }, {}],
      socketDir: '/run/s',
    });
    expect(readShimInput(bytes, 'c1')).toEqual({
      params: {
        containerdVersion: '2.3.4',
        ttrpcAddress: '/run/c.sock.ttrpc',
        socketDir: '/run/s',
        extensions: [OPTIONS],
      },
    });
  });

  it('reads parameters that say little', () => {
    const { params } = readShimInput(encode(PARAMS, { instanceId: 'c1' }), 'c1');
    expect(params).toMatchObject({ containerdVersion: '', socketDir: '', extensions: [] });
  });

  it('reads the options of earlier ones', () => {
    const bytes = encode('google.protobuf.Any', OPTIONS);
    expect(readShimInput(bytes, 'c1')).toEqual({ options: OPTIONS });
  });

  it('takes an Any for options though it can be read as parameters', () => {
    const any = { type_url: 'c2', value: Buffer.from('ns') };
    expect(readShimInput(encode('google.protobuf.Any', any), 'c1')).toEqual({ options: any });
  });

  it('finds nothing in nothing', () => {
    expect(readShimInput(Buffer.alloc(0), 'c1')).toEqual({});
  });

  it.each(['ff', '0a05', '1201ff'])('refuses other bytes: %s', (bytes) => {
    expect(() => readShimInput(Buffer.from(bytes, 'hex'), 'c1')).toThrow(
      /must have the BootstrapParams of c1 or an Any, got \d other bytes/,
    );
  });
});

describe('formatShimAnswer', () => {
  const address = 'unix:///run/containerd/s/1';

  it('is the address alone', () => {
    expect(formatShimAnswer(address).toString()).toBe(address);
  });

  it.each([2, 3] as const)('is JSON with version %i', (version) => {
    const answer = formatShimAnswer(address, { format: 'json', version });
    expect(answer.toString()).toBe(
      `{"version":${version},"address":"${address}","protocol":"ttrpc"}`,
    );
  });

  it('is a BootstrapResult', () => {
    const answer = formatShimAnswer(address, { format: 'protobuf', version: 3 });
    const result = decode('containerd.runtime.bootstrap.v1.BootstrapResult', answer);
    expect(result).toEqual({ version: 3, address, protocol: 'ttrpc' });
  });

  it('has no plain form for another version than 2', () => {
    expect(() => formatShimAnswer(address, { version: 3 })).toThrow(
      'the plain format stands for version 2, got version 3',
    );
  });

  it('refuses another format by its name', () => {
    expect(() => formatShimAnswer(address, { format: 'yaml' as 'json' })).toThrow('got yaml');
  });
});

describe('formatDeleteAnswer', () => {
  it('is a DeleteResponse', () => {
    const exitedAt = new Date(1500);
    const answer = formatDeleteAnswer({ pid: 42, exitStatus: 137, exitedAt });
    expect(decode('containerd.task.v2.DeleteResponse', answer)).toEqual({
      pid: 42,
      exitStatus: 137,
      exitedAt: { seconds: 1, nanos: 500_000_000 },
    });
  });

  it('says that the container has ended just now, if nobody knows better', () => {
    const before = Math.floor(Date.now() / 1000);
    const answer = formatDeleteAnswer({ exitStatus: 137 });
    const { exitedAt } = decode('containerd.task.v2.DeleteResponse', answer) as {
      exitedAt: { seconds: number };
    };
    expect(exitedAt.seconds).toBeGreaterThanOrEqual(before);
    expect(exitedAt.seconds).toBeLessThanOrEqual(Date.now() / 1000);
  });
});

describe('formatInfoAnswer', () => {
  it('is a RuntimeInfo', () => {
    const identity = { name: 'io.containerd.mine.v1', version: '1.0.0', revision: 'abc' };
    expect(decode('containerd.types.RuntimeInfo', formatInfoAnswer(identity))).toEqual({
      name: 'io.containerd.mine.v1',
      version: { version: '1.0.0', revision: 'abc' },
    });
  });
});
