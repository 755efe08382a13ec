import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { lstatSync, readdirSync, readlinkSync, symlinkSync } from 'node:fs';
import { afterEach, expect, it, vi } from 'vitest';
import { whileAlone } from '../../lib/transport/start-lock.js';
import { rejection } from './sockets.js';
import { tempFolder } from './temp-folder.js';

const at = tempFolder();

afterEach(() => void vi.useRealTimers());

it('lets one work after the other, and says whose turn it is', async () => {
  const events: string[] = [];
  let goOn = (): void => {};
  const paused = new Promise<void>((resolve) => (goOn = resolve));
  const first = whileAlone(at('s'), async () => {
    events.push('first begins');
    await paused;
    events.push('first ends');
    return 1;
  });
  const second = whileAlone(at('s'), async () => events.push('second begins'));
  await new Promise((resolve) => setImmediate(resolve));
  expect(events).toEqual(['first begins']);
  expect(readlinkSync(at('s.lock'))).toBe(String(process.pid));
  goOn();
  expect(await first).toBe(1);
  await second;
  expect(events).toEqual(['first begins', 'first ends', 'second begins']);
  expect(readdirSync(at('.'))).toEqual([]);
});

it('lets others work when it has failed', async () => {
  const failing = whileAlone(at('s'), () => Promise.reject(new Error('no')));
  expect((await rejection(failing)).message).toBe('no');
  expect(await whileAlone(at('s'), async () => 'done')).toBe('done');
});

it('takes the place of a process that has died', async () => {
  const dead = spawn(process.execPath, ['--version'], { stdio: 'ignore' });
  await once(dead, 'exit');
  symlinkSync(String(dead.pid), at('s.lock'));
  expect(await whileAlone(at('s'), async () => readlinkSync(at('s.lock')))).toBe(
    String(process.pid),
  );
});

it('waits 5 s for one that lives, and leaves the lock to it', async () => {
  symlinkSync(String(process.pid), at('other.lock'));
  vi.useFakeTimers();
  let done = false;
  const late = whileAlone(at('other'), async () => (done = true));
  await vi.advanceTimersByTimeAsync(4990);
  expect(done).toBe(false);
  await vi.advanceTimersByTimeAsync(10);
  await late;
  expect(lstatSync(at('other.lock')).isSymbolicLink()).toBe(true);
});

it('works where no lock can be made', async () => {
  expect(await whileAlone(at('missing/s'), async () => 'done')).toBe('done');
});
