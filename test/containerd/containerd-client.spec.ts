import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';

import { TtrpcClient } from '../../lib/engine/client.js';
import { loadServices } from '../../lib/proto/service-definition.js';
import { Browser } from './browser.js';
import { Daemon, until } from './daemon.js';
import { firstOfEach } from './first-of-each.js';
import { makeRoot } from './lone-shim.js';
import { INSTALLATIONS } from './programs.js';
import { saveTranscript } from './recorder/index.js';
import { SampleProcess } from './sample.js';

const SAMPLE = '12-containerd-client';
const TASK_OOM = 'containerd.events.TaskOOM';
const leftOut = inject('leftOut');

/** What a row of the page's table says of a running task. */
const running = (id: string, pids: number): RegExp =>
  new RegExp(
    `${id}\\s+running\\s+\\d+(?:, \\d+){${pids - 1}}\\s+\\d+\\.\\d\\d s\\s+\\d+\\.\\d MiB\\s+v[23], pid \\d+`,
  );

describe.each(INSTALLATIONS)('sample 12 beside $name', (installation) => {
  const why = leftOut[installation.name] ?? leftOut['browser'];
  const transcript = `an event to ${installation.name}`.replaceAll(' ', '-');
  let daemon: Daemon;
  let sample: SampleProcess;
  let browser: Browser;
  let root: string;
  let env: NodeJS.ProcessEnv;

  /** Starts a task whose shell has a child. */
  const startTask = (id: string): Promise<string> =>
    daemon.ctr('run', '--detach', '--rootfs', root, id, '/bin/sh', '-c', 'sleep 999 & wait');

  beforeAll(async () => {
    if (why !== undefined) return;
    root = await mkdtemp('/tmp/root-');
    await makeRoot(root);
    daemon = await Daemon.start(installation);
    const { state, address } = daemon;
    env = { CONTAINERD_STATE: state, CONTAINERD_ADDRESS: address, PORT: '0', POLL_MS: '50' };
    sample = new SampleProcess(SAMPLE, ['dist/main.js'], { env });
    browser = await Browser.start();
    await browser.open((await sample.line()).replace(/^.*: (http)/, '$1'));
  });

  afterAll(async () => {
    if (why !== undefined) return;
    await Promise.allSettled([browser.stop(), sample.stop()]);
    saveTranscript(transcript, {
      remarks: `publish.ts of sample 12, and the ttrpc socket of ${installation.name}`,
      title: () => 'an event is taken',
      keep: firstOfEach(),
    });
    await daemon.stop();
    await rm(root, { recursive: true });
  });

  it.skipIf(why)('shows that no task runs, when none does', async () => {
    await browser.shows(/live[^]*Tasks 0\s+No task runs\./);
  });

  it.skipIf(why)('shows a task with its pids and what it uses, and its exit', async () => {
    await startTask('one');
    await browser.shows(running('one', 2));
    await daemon.ctr('tasks', 'kill', '--signal', 'SIGKILL', 'one');
    await browser.shows(/one\s+exited with 137\s+–\s+–\s+–\s+v/);
    await browser.shows(
      new RegExp(`Exits\\s+one \\(${daemon.namespace}, pid \\d+\\) exited with 137 at \\d`),
    );
  });

  it.skipIf(why)('forgets a task that is deleted, but not its exit', async () => {
    await startTask('two');
    await browser.shows(running('two', 2));
    await daemon.ctr('tasks', 'delete', '--force', 'two');
    await browser.shows(/^(?![^]*\btwo\s+(?:running|exited))[^]*two \(.*exited with 137/);
  });

  it.skipIf(why)('tells a task of the same name anew', async () => {
    await startTask('again');
    await browser.shows(running('again', 2));
    await daemon.ctr('tasks', 'delete', '--force', 'again');
    await daemon.ctr('containers', 'delete', 'again');
    await startTask('again');
    await browser.shows(running('again', 2));
    await daemon.ctr('tasks', 'kill', '--signal', 'SIGTERM', 'again');
    await daemon.ctr('tasks', 'kill', '--signal', 'SIGKILL', 'again');
    await browser.shows(/(?:again \(.*exited with 137[^]*){2}/);
  });

  it.skipIf(why)('is told of an exit, and does not only find it when it looks again', async () => {
    await startTask('told');
    const seldom = { ...env, POLL_MS: '3600000' };
    const patient = new SampleProcess(SAMPLE, ['dist/main.js'], { env: seldom });
    try {
      const url = (await patient.line()).replace(/^.*: (http)/, '$1');
      const live = (await fetch(`${url}/tasks/live`)).body!.getReader();
      await readUntil(live, /"id":"told"[^{}]*"status":"RUNNING"/);
      await daemon.ctr('tasks', 'kill', '--signal', 'SIGKILL', 'told');
      await readUntil(live, /"id":"told"[^{}]*"status":"STOPPED","exit":\{"status":137/);
    } finally {
      await patient.stop();
    }
  });

  it.skipIf(why)('shows a task that is paused', async () => {
    await startTask('three');
    await daemon.ctr('tasks', 'pause', 'three');
    await browser.shows(/three\s+paused\s+\d+, \d+/);
    await daemon.ctr('tasks', 'resume', 'three');
    await browser.shows(running('three', 2));
  });

  it.skipIf(why)('goes on when containerd is started again', async () => {
    await startTask('four');
    await browser.shows(running('four', 2));
    await daemon.halt('SIGKILL');
    await daemon.boot();
    await daemon.ctr('tasks', 'kill', '--signal', 'SIGKILL', 'four');
    await browser.shows(/four \(.*exited with 137/);
  });

  it.skipIf(why)('tells assistive technology what is what', async () => {
    await startTask('five');
    await browser.shows(running('five', 2));
    expect(await browser.spoken('#connection')).toMatchObject({ role: 'status' });
    expect(await browser.spoken('#exits')).toEqual({ role: 'log', label: 'Exits' });
    expect(await browser.spoken('.scroll')).toMatchObject({ role: 'region' });
    expect(await browser.spoken('thead th')).toEqual({ role: 'columnheader', label: 'Namespace' });
    expect((await browser.spoken('tbody th')).role).toBe('rowheader');
    expect(await browser.evaluate('document.documentElement.lang')).toBe('en');
    expect(await browser.evaluate('document.title')).toBe('containerd tasks');
  });

  it.skipIf(why)('publishes an event that ctr events prints', async () => {
    const events = daemon.watch('events');
    try {
      const lines: string[] = [];
      createInterface(events.stdout!).on('line', (line) => lines.push(line));
      const { namespace } = daemon;
      // Nobody says when ctr has subscribed, so it is published until it has.
      await until('ctr events prints something', async () => {
        await publish(namespace, '/tasks/oom', TASK_OOM, '{ "containerId": "one" }');
        return lines.length > 0;
      });
      expect(lines[0]).toContain(`${namespace} /tasks/oom {"container_id":"one"}`);
    } finally {
      events.kill();
      await once(events, 'exit');
    }
  });

  it.skipIf(why)('is told why, when the daemon does not take an event', async () => {
    const args = ['dist/publish.js', daemon.namespace, 'no-slash', TASK_OOM];
    const publisher = new SampleProcess(SAMPLE, args, { env });
    await expect(publisher.line()).rejects.toThrow(/INVALID_ARGUMENT.*topic/);
    await publisher.stop();
  });

  it.skipIf(why)("finds nothing but Events on the daemon's own socket", async () => {
    const protoPath = join(import.meta.dirname, '../../sample/containerd-proto/task-v3.proto');
    const state = loadServices({ protoPath }).method('containerd.task.v3.Task', 'State');
    const client = new TtrpcClient({ address: `${daemon.address}.ttrpc` });
    await expect(client.unary(state, { id: 'x' })).rejects.toMatchObject({ code: 12 });
    await client.close();
  });

  it.skipIf(why)(
    'ends when it is told to, with the page open, and has nothing to say',
    async () => {
      const { complaints } = await sample.stop();
      expect(complaints).toBe('');
      await browser.shows(/not connected/);
    },
  );

  async function publish(...args: readonly string[]): Promise<void> {
    const publisher = new SampleProcess(SAMPLE, ['dist/publish.js', ...args], { env, transcript });
    expect(await publisher.line()).toBe(`published ${args[1]} in ${args[0]}`);
    await publisher.stop();
  }
});

/** Reads a stream of text as far as the pattern. */
async function readUntil(
  stream: ReadableStreamDefaultReader<Uint8Array>,
  pattern: RegExp,
): Promise<void> {
  const decoder = new TextDecoder();
  let text = '';
  while (!pattern.test(text)) {
    const { value, done } = await stream.read();
    if (done) throw new Error(`the stream ends without ${pattern}: ${text}`);
    text += decoder.decode(value, { stream: true });
  }
}
