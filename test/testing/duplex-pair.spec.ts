import { once } from 'node:events';
import type { Duplex } from 'node:stream';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { createDuplexPair } from '../../lib/testing/duplex-pair.js';

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const turns = async (): Promise<void> => {
  for (let count = 0; count < 10; count++) await turn();
};

async function read(stream: Duplex): Promise<string> {
  let text = '';
  for await (const chunk of stream) text += String(chunk);
  return text;
}

afterEach(() => void vi.useRealTimers());

describe('createDuplexPair', () => {
  it('carries bytes both ways, in order, and ends the far end behind them', async () => {
    const [near, far] = createDuplexPair();
    const [heardFar, heardNear] = [read(far), read(near)];
    near.write('one ');
    far.write('answer');
    near.write('two ');
    near.end('three');
    expect(await heardFar).toBe('one two three');
    expect(await heardNear).toBe('answer');
    expect(near.destroyed && far.destroyed).toBe(true);
  });

  it('never calls the reader inside of the writer', async () => {
    const [near, far] = createDuplexPair();
    const heard = vi.fn();
    far.on('data', heard);
    near.write('x');
    expect(heard).not.toHaveBeenCalled();
    await turns();
    expect(heard).toHaveBeenCalledOnce();
  });

  it('makes a writer wait for a reader that lags, and lets it go on', async () => {
    const [near, far] = createDuplexPair();
    const chunk = Buffer.alloc(1 << 16);
    let written = 0;
    while (written < 64 && near.write(chunk)) written += 1;
    expect(near.writableNeedDrain).toBe(true);
    await turns();
    // What the far end holds and what the near one holds are bounded, since nobody reads.
    expect(near.writableNeedDrain).toBe(true);
    expect(far.readableLength).toBeLessThanOrEqual(2 * chunk.length);
    const drained = once(near, 'drain');
    far.resume();
    await drained;
    await turns();
    expect(far.readableLength + near.writableLength).toBe(0);
  });

  it('ends the far end, and fails its writes, when it is destroyed', async () => {
    const [near, far] = createDuplexPair();
    near.destroy();
    const failed = new Promise((resolve) => void far.write('late', resolve));
    expect(await failed).toMatchObject({ code: 'EPIPE' });
    await turns();
    expect(far.errored).toMatchObject({ code: 'EPIPE' });
    expect(far.destroyed).toBe(true);
  });

  it('fails a write that waited for the reader when the reader is destroyed', async () => {
    const [near, far] = createDuplexPair();
    const failed = new Promise((resolve) => void near.write(Buffer.alloc(1 << 17), resolve));
    await turns();
    far.destroy();
    expect(await failed).toMatchObject({ code: 'EPIPE' });
  });

  it('takes what is under way along when it is destroyed', async () => {
    const [near, far] = createDuplexPair();
    const heard = vi.fn();
    far.on('data', heard);
    near.write('lost');
    near.destroy();
    await turns();
    expect(heard).not.toHaveBeenCalled();
    expect(far.destroyed).toBe(true);
  });

  it('does not end the process when an end that nobody listens to breaks', async () => {
    const [near] = createDuplexPair();
    near.destroy(new Error('broken'));
    await turns();
    expect(near.errored?.message).toBe('broken');
  });

  it('moves bytes while a fake clock stands still', async () => {
    vi.useFakeTimers();
    const [near, far] = createDuplexPair();
    const heard = once(far, 'data');
    near.write('x');
    expect(String((await heard)[0])).toBe('x');
  });
});
