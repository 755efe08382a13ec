import { readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, inject, it } from 'vitest';
import { isGone, until } from './daemon.js';
import { installPlugin } from './nri-launcher.js';
import { NriPeer } from './nri-peer.js';
import { saveTranscript } from './recorder/index.js';
import { SampleProcess } from './sample.js';

const why = inject('leftOut')['go'];
const EXTERNAL = 'nri-go-external';
const LAUNCHED = 'nri-go-launched';

describe.skipIf(why)("sample 14 beside Go's NRI library", () => {
  let folder: string;
  let peer: NriPeer;
  let sample: SampleProcess | undefined;

  beforeEach(async () => {
    folder = await mkdtemp('/tmp/nri-');
    await mkdir(join(folder, 'plugins'));
    peer = runtime();
  });

  afterEach(async () => {
    await sample?.stop();
    sample = undefined;
    await peer.stop();
    await rm(folder, { recursive: true });
  });

  const runtime = (): NriPeer => new NriPeer('runtime', join(folder, 's'), join(folder, 'plugins'));

  /** Starts the runtime; it synchronises the plugins that it has launched. */
  async function startRuntime(): Promise<void> {
    expect(await peer.do('start')).toEqual({ did: 'start', result: null });
    await peer.next('synchronized');
  }

  /** Starts the plugin, which finds the runtime by its socket. */
  function start(options: { readonly transcript?: string } = {}): SampleProcess {
    const args = ['dist/main.js', `unix:${folder}/s`];
    sample = new SampleProcess('14-nri-plugin', args, { env: {}, ...options });
    return sample;
  }

  it('injects a variable, and hears of updates and stops', async () => {
    await startRuntime();
    const plugin = start({ transcript: EXTERNAL });
    expect(await peer.next('synchronized')).toEqual({ synchronized: 0, updates: 0 });
    expect(await peer.do('create', { id: 'c1', env: ['PATH=/bin'] })).toMatchObject({
      result: { adjust: { env: [{ key: 'NRI_GREETING', value: 'hello from Nest' }] } },
    });
    const own = await peer.do('create', { id: 'c2', env: ['NRI_GREETING=its own'] });
    expect(own).not.toHaveProperty('result.adjust.env');
    expect(own).toHaveProperty('result.adjust');
    expect(await peer.do('update', { id: 'c1', shares: 512 })).toMatchObject({ did: 'update' });
    expect(await peer.do('stop-container', { id: 'c1' })).toEqual({
      did: 'stop-container',
      result: {},
    });
    expect(await peer.do('remove', { id: 'c1' })).toEqual({ did: 'remove', result: null });
    expect(await plugin.stop()).toMatchObject({ complaints: '' });
    saveTranscript(EXTERNAL, {
      remarks: 'Go: github.com/containerd/nri v0.12.2 as the runtime, sample 14 as the plugin.',
      title: () => 'an external plugin registers, and a container lives and ends',
    });
  });

  it('is synchronised with more than fits into one message', async () => {
    await peer.do('fill', { containers: 3000, bytes: 5000 });
    await startRuntime();
    start();
    expect(await peer.next('synchronized')).toEqual({ synchronized: 3000, updates: 0 });
    // It has closed nothing: the next call is answered.
    expect(await peer.do('create', { id: 'c1' })).toMatchObject({ result: { adjust: {} } });
  });

  it('takes a message of almost 4 MiB, and outlives one that the runtime cannot send', async () => {
    await startRuntime();
    start();
    await peer.next('synchronized');
    const large = await peer.do('create', { id: 'c1', bytes: 4 * 1024 * 1024 - 1000 });
    expect(large).toMatchObject({ result: { adjust: { env: [{ key: 'NRI_GREETING' }] } } });
    const larger = await peer.do('create', { id: 'c2', bytes: 4 * 1024 * 1024 });
    expect(larger).toMatchObject({ error: expect.stringContaining('exceed maximum') });
    expect(await peer.do('create', { id: 'c3' })).toMatchObject({ result: { adjust: {} } });
  });

  it('registers again when the runtime is back', async () => {
    const plugin = start();
    // It was there first.
    await startRuntime();
    await peer.next('synchronized');
    await peer.stop();
    peer = runtime();
    await peer.do('fill', { containers: 2 });
    await startRuntime();
    expect(await peer.next('synchronized')).toEqual({ synchronized: 2, updates: 0 });
    expect(await peer.do('create', { id: 'c1' })).toMatchObject({ result: { adjust: {} } });
    expect(await plugin.stop()).toMatchObject({ complaints: '' });
  });

  it('is launched by the runtime, with its configuration, and ends with it', async () => {
    const pidFile = installPlugin(join(folder, 'plugins'), LAUNCHED);
    await mkdir(join(folder, 'plugins.conf'));
    await writeFile(join(folder, 'plugins.conf/env.conf'), '# a remark\nA=1\nB=x=y\n');
    await startRuntime();
    expect(await peer.do('create', { id: 'c1' })).toMatchObject({
      result: {
        adjust: {
          env: [
            { key: 'A', value: '1' },
            { key: 'B', value: 'x=y' },
          ],
        },
      },
    });
    const pid = Number(readFileSync(pidFile, 'utf8'));
    expect(isGone(pid)).toBe(false);
    expect(await peer.do('stop')).toMatchObject({ did: 'stop' });
    await until('the plugin has ended', () => isGone(pid));
    saveTranscript(LAUNCHED, {
      remarks:
        'Go: github.com/containerd/nri v0.12.2 as the runtime, sample 14 as the plugin on descriptor 3.',
      title: () => 'a plugin that was launched is configured, and a container is made',
    });
  });
});
