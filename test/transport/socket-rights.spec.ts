import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdirSync, statSync, symlinkSync } from 'node:fs';
import { basename } from 'node:path';
import { describe, expect, it } from 'vitest';
import { listen, type ListenerOptions } from '../../lib/transport/listener.js';
import { isLoopback } from '../../lib/transport/loopback.js';
import { rejection } from './sockets.js';
import { tempFolder } from './temp-folder.js';
import { unprivileged } from './unprivileged.js';

const at = tempFolder();
let count = 0;

const asRoot = describe.skipIf(process.geteuid?.() !== 0);
if (process.geteuid?.() !== 0) console.warn('left out: a second user, which needs root');

function open(path: string, options: ListenerOptions): ReturnType<typeof listen> {
  return listen({ kind: 'unix', path }, (socket) => void socket.destroy(), options);
}

function folder(mode: number): string {
  const path = at(`folder${++count}`);
  mkdirSync(path);
  chmodSync(path, mode);
  return path;
}

describe('the folder of a private socket', () => {
  const listenIn = (path: string): ReturnType<typeof listen> => open(`${path}/s`, { mode: 0o600 });

  it.each([0o777, 0o702])('is refused with mode %o, where others may replace it', async (mode) => {
    const path = folder(mode);
    const error = await rejection(open(`${path}/s`, { mode: 0o600 }));
    expect(error.message).toBe(
      `cannot listen on unix://${path}/s: socketMode keeps others out, but everybody may replace what ` +
        `is in ${path} (mode ${mode.toString(8)}); take a folder that only its owner may write, or leave socketMode away`,
    );
    expect(existsSync(`${path}/s`)).toBe(false);
  });

  it('is refused when it lies in one that everybody may write', async () => {
    const path = folder(0o777);
    mkdirSync(`${path}/own`, { mode: 0o700 });
    const error = await rejection(open(`${path}/own/s`, { mode: 0o600 }));
    expect(error.message).toContain(`what is in ${path} (mode 777)`);
  });

  it('is refused when a link leads to one that everybody may write, or through one', async () => {
    const [wide, near, far] = [folder(0o777), folder(0o755), folder(0o755)];
    mkdirSync(`${wide}/own`, { mode: 0o700 });
    symlinkSync(`${wide}/own`, `${near}/into`);
    symlinkSync(far, `${wide}/replaceable`);
    symlinkSync(`../${basename(wide)}/replaceable`, `${near}/through`);
    for (const way of [
      `${near}/into`,
      `${near}/into/../own`,
      `${wide}/replaceable`,
      `${near}/through`,
    ]) {
      const error = await rejection(listenIn(way));
      expect(error.message).toContain(`what is in ${wide} (mode 777)`);
    }
  });

  it('is taken when links lead to it that nobody else may replace', async () => {
    const [near, far] = [folder(0o755), folder(0o700)];
    symlinkSync(`../${basename(far)}`, `${near}/link`);
    for (const way of [`${near}/link`, `${near}/link/../${basename(far)}`]) {
      await (await listenIn(way)).close();
    }
  });

  it.each<[number, ListenerOptions]>([
    [0o700, { mode: 0o600 }],
    [0o1777, { mode: 0o600 }],
    [0o770, { mode: 0o660 }],
    [0o777, { mode: 0o666 }],
    [0o777, {}],
  ])('is taken with mode %o for %j', async (mode, options) => {
    const listener = await open(`${folder(mode)}/s`, options);
    await listener.close();
  });
});

describe('the owner of a socket', () => {
  it('leaves nothing behind when it can not be set', async () => {
    const path = `${folder(0o755)}/s`;
    chmodSync(at('.'), 0o755);
    chmodSync(path.slice(0, -2), 0o1777);
    const error = await unprivileged(() => rejection(open(path, { owner: { uid: 0 } })));
    expect(error.message).toContain('EPERM, operation not permitted');
    expect(existsSync(path)).toBe(false);
  });
});

asRoot('a second user', () => {
  const USER = { uid: 65_533, gid: 65_532 };

  /** What becomes of its attempt to connect. */
  async function attempt(path: string): Promise<string> {
    const program = `require('net').connect(${JSON.stringify(path)})
      .on('connect', () => process.exit(0)).on('error', ({ code }) => { console.log(code); process.exit(1); })`;
    const child = spawn(process.execPath, ['-e', program], {
      ...USER,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let said = '';
    child.stdout?.on('data', (chunk: Buffer) => (said += chunk.toString()));
    await once(child, 'close');
    return said.trim() || 'connected';
  }

  it.each<[string, ListenerOptions, string]>([
    ['is kept out by 0600', { mode: 0o600 }, 'EACCES'],
    ['is kept out by 0660 of another group', { mode: 0o660 }, 'EACCES'],
    ['is let in by 0660 of its group', { mode: 0o660, owner: { gid: USER.gid } }, 'connected'],
    ['is let in by 0600 of its own', { mode: 0o600, owner: { uid: USER.uid } }, 'connected'],
    ['is let in by 0666', { mode: 0o666 }, 'connected'],
  ])('%s', async (_, options, outcome) => {
    chmodSync(at('.'), 0o755);
    const path = `${folder(0o755)}/s`;
    const listener = await open(path, options);
    expect(await attempt(path)).toBe(outcome);
    const { uid, gid } = statSync(path);
    expect({ uid, gid }).toEqual({ uid: 0, gid: 0, ...options.owner });
    await listener.close();
  });
});

describe('isLoopback', () => {
  it.each(['127.0.0.1', '127.255.255.255', '::1', '::ffff:127.0.0.1'])('knows %s', (address) => {
    expect(isLoopback(address)).toBe(true);
  });

  it.each([
    '0.0.0.0',
    '::',
    '10.0.0.1',
    '128.0.0.1',
    '126.255.255.255',
    'fe80::1%lo',
    '::2',
    '::ffff:10.0.0.1',
  ])('does not take %s for it', (address) => {
    expect(isLoopback(address)).toBe(false);
  });
});
