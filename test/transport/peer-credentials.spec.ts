import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { connect, createServer, type Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { TtrpcServer } from '../../lib/engine/server.js';
import {
  credentialsReader,
  requirePeer,
  type PeerCredentials,
  type PeerRule,
} from '../../lib/transport/peer-credentials.js';
import { rejection, socketPair } from './sockets.js';
import { tempFolder } from './temp-folder.js';

const at = tempFolder();
let count = 0;

const ids = { uid: process.geteuid?.() ?? -1, gid: process.getegid?.() ?? -1 };
const signal = AbortSignal.timeout(60_000);
/** Another user than this process; the system has no need to know it. */
const OTHER = { uid: 65_533, gid: 65_532 };

const asRoot = describe.skipIf(process.geteuid?.() !== 0);
if (process.geteuid?.() !== 0) console.warn('left out: a second user, which needs root');

async function judge(rule: PeerRule): Promise<PeerCredentials> {
  const { far, stop } = await socketPair(at(`s${++count}`));
  try {
    return await requirePeer(rule)(far, { signal });
  } finally {
    await stop();
  }
}

describe('requirePeer', () => {
  const own = { ...ids, pid: process.pid };

  it.each<[string, PeerRule]>([
    ['the same user', 'same-user'],
    ['its user', { uid: ids.uid }],
    ['its group', { gid: ids.gid }],
    ['its user and group', ids],
    ['one that a function lets in', ({ pid }) => pid === process.pid],
    ['one that a promise lets in', () => Promise.resolve(true)],
  ])('lets a peer in by %s, and gives its credentials', async (_, rule) => {
    expect(await judge(rule)).toEqual(own);
  });

  it.each<[string, PeerRule]>([
    ['another user', { uid: ids.uid + 1 }],
    ['another group', { gid: ids.gid + 1 }],
    ['its user, but another group', { uid: ids.uid, gid: ids.gid + 1 }],
    ['a function that gives no true', (() => 1) as unknown as () => boolean],
    ['a promise of false', () => Promise.resolve(false)],
  ])('keeps a peer out by %s', async (_, rule) => {
    const error = await rejection(judge(rule));
    expect(error).toMatchObject({
      kind: 'ttrpc.handshake',
      message: `the process ${process.pid} of user ${ids.uid} and group ${ids.gid} may not connect, as requirePeer says`,
    });
  });

  it('keeps out who comes by TCP, whatever the rule says', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const client = connect((server.address() as { port: number }).port, '127.0.0.1');
    const [socket] = (await once(server, 'connection')) as [Socket];
    await expect(requirePeer(() => true)(socket, { signal })).rejects.toThrow(
      'the peer of a socket that is no unix socket has no credentials',
    );
    client.destroy();
    socket.destroy();
    server.close();
  });

  it('keeps out a stream that is no socket, and a socket that is closed', async () => {
    const handshake = requirePeer(() => true);
    const { far, stop } = await socketPair(at(`s${++count}`));
    far.destroy();
    for (const stream of [new Duplex({ read() {} }), far]) {
      await expect(handshake(stream, { signal })).rejects.toThrow('no socket has no credentials');
    }
    await stop();
  });

  it.each<[unknown, string]>([
    ['root', "requirePeer takes 'same-user', { uid, gid } or a function, got root"],
    [null, 'got object'],
    [{}, 'requirePeer needs a uid, a gid or both'],
    [{ uid: undefined }, 'requirePeer needs a uid, a gid or both'],
    [{ uid: -1 }, 'uid must be a whole number from 0 to 4294967294, got -1'],
    [{ gid: '0' }, 'gid must be a whole number from 0 to 4294967294, got string'],
    [{ user: 0 }, 'requirePeer takes uid and gid, got user'],
  ])('refuses the rule %j', (rule, message) => {
    expect(() => requirePeer(rule as PeerRule)).toThrow(message);
  });
});

describe('credentialsReader', () => {
  const missing = (): never => {
    throw new Error("Cannot find module 'koffi'\nRequire stack: /x");
  };

  it.each([
    ['darwin', 'arm64'],
    ['linux', 'mips'],
  ])('refuses %s on %s', (platform, arch) => {
    expect(() => credentialsReader({ platform, arch, load: missing })).toThrow(
      `requirePeer needs Linux on x64 or arm64, this is ${platform} on ${arch}; keep others out by socketMode instead`,
    );
  });

  it('says which package is missing, and why', () => {
    expect(() => credentialsReader({ platform: 'linux', arch: 'x64', load: missing })).toThrow(
      "requirePeer needs the package koffi, version 3 (npm install koffi), which can't be loaded: Cannot find module 'koffi'",
    );
  });

  it('says why a koffi that has no binary for the system can not be loaded', () => {
    mkdirSync(at('node_modules/koffi'), { recursive: true });
    const failing = "throw new Error('Cannot find the native Koffi module')";
    writeFileSync(at('node_modules/koffi/index.js'), failing);
    const { platform, arch } = process;
    expect(() => credentialsReader({ platform, arch, load: createRequire(at('s')) })).toThrow(
      "(npm install koffi), which can't be loaded: Cannot find the native Koffi module",
    );
  });

  it('fails for what is no socket, instead of giving root', () => {
    expect(() => credentialsReader()(2 ** 30)).toThrow('does not give the credentials');
  });
});

asRoot('a second user', () => {
  /** Connects as another user; gives whether the server kept the connection. */
  async function kept(rule: PeerRule, user = OTHER): Promise<{ kept: boolean; errors: string[] }> {
    const errors: string[] = [];
    const server = new TtrpcServer({
      handshake: requirePeer(rule),
      socketMode: 0o666,
      onConnect: ({ attachment }) => {
        expect(attachment).toMatchObject(user);
        void server.close();
        errors.push('connected');
      },
      onError: ({ message }) => void errors.push(message),
    });
    chmodSync(at('.'), 0o755);
    const path = at(`u${++count}`);
    await server.listen(path);
    const program = `require('net').connect(${JSON.stringify(path)}).on('close', () => {}).resume()`;
    const child = spawn(process.execPath, ['-e', program], { ...user, stdio: 'inherit' });
    expect(await once(child, 'exit')).toEqual([0, null]);
    await server.close();
    return { kept: errors[0] === 'connected', errors };
  }

  it.each([OTHER, { ...OTHER, gid: ids.gid }, { ...OTHER, uid: ids.uid }])(
    'is kept out by same-user, though the file lets it connect: $uid in $gid',
    async (user) => {
      const { kept: in_, errors } = await kept('same-user', user);
      expect(in_).toBe(false);
      expect(errors[0]).toContain(`of user ${user.uid} and group ${user.gid} may not connect`);
    },
  );

  it.each<[string, PeerRule]>([
    ['the user of this process', ids],
    ['its user in another group', { uid: OTHER.uid, gid: ids.gid }],
    ['another group', { gid: ids.gid }],
    ['a function that knows it', ({ uid }) => uid !== OTHER.uid],
  ])('is kept out by %s', async (_, rule) => {
    expect((await kept(rule)).kept).toBe(false);
  });

  it.each<[string, PeerRule]>([
    ['user and group', OTHER],
    ['user', { uid: OTHER.uid }],
    ['group', { gid: OTHER.gid }],
    ['a function that knows it', ({ uid, gid }) => uid === OTHER.uid && gid === OTHER.gid],
  ])('is let in by its %s', async (_, rule) => {
    expect((await kept(rule)).kept).toBe(true);
  });
});
