import { readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { Pod } from './cri.js';
import { Daemon, isGone, until } from './daemon.js';
import { makeImage } from './image.js';
import { installPlugin } from './nri-launcher.js';
import { NEWEST } from './programs.js';
import { saveTranscript } from './recorder/index.js';
import { sampleFolder, SampleProcess } from './sample.js';

const why = inject('leftOut')[NEWEST.name];
const IMAGE = 'test.local/busybox:1';
const EXTERNAL = 'nri-containerd-2-external';
const LAUNCHED = 'nri-containerd-2-launched';

/** Of a container that prints its environment and stays. */
const PRINT = ['/bin/sh', '-c', '/bin/busybox env; exec /bin/sleep 99999'];

/** Pods by CRI in the host's network, plugins by NRI; the same on every machine. */
const config = (folder: string): string => `
[plugins."io.containerd.grpc.v1.cri"]
sandbox_image = "${IMAGE}"
restrict_oom_score_adj = true
[plugins."io.containerd.nri.v1.nri"]
disable = false
socket_path = "${folder}/nri.sock"
plugin_path = "${folder}/plugins"
plugin_config_path = "${folder}/conf"
`;

describe.skipIf(why)('sample 14 beside containerd 2', () => {
  let folder: string;
  let daemon: Daemon;
  let pod: Pod;
  let sample: SampleProcess | undefined;
  let pidFile: string;

  /** The plugin that containerd launches is there first, since containerd looks when it starts. */
  beforeAll(async () => {
    if (why !== undefined) return;
    folder = await mkdtemp('/tmp/nri-');
    await Promise.all(['plugins', 'conf', 'logs'].map((name) => mkdir(join(folder, name))));
    await writeFile(join(folder, 'conf/10-env.conf'), 'LAUNCHED=by containerd\n');
    pidFile = installPlugin(join(folder, 'plugins'), LAUNCHED);
    daemon = await Daemon.start(NEWEST, config(folder));
    await daemon.ctr('--namespace', 'k8s.io', 'image', 'import', await makeImage(folder, IMAGE));
    pod = new Pod(daemon.address, join(folder, 'logs'), IMAGE);
    await pod.run();
  });

  afterAll(async () => {
    if (why !== undefined) return;
    await sample?.stop();
    await pod.stop();
    await daemon.stop();
    await rm(folder, { recursive: true });
  });

  /** Makes a container, and gives its environment as it prints it. */
  async function environmentOf(name: string): Promise<{ id: string; output: string }> {
    const id = await pod.start(name, ...PRINT);
    await until(`${name} has printed`, async () => (await pod.output(name)).includes('HOSTNAME='));
    return { id, output: await pod.output(name) };
  }

  it('is launched on descriptor 3 and configured, and a container shows what it injects', async () => {
    const { id, output } = await environmentOf('first');
    expect(output).toContain('LAUNCHED=by containerd\n');
    expect(output).not.toContain('NRI_GREETING');
    expect(isGone(Number(readFileSync(pidFile, 'utf8')))).toBe(false);
    await pod.end(id);
  });

  it('connects from outside, and hears of what becomes of a container', async () => {
    sample = new SampleProcess('14-nri-plugin', ['dist/main.js', `unix:${folder}/nri.sock`], {
      env: { NO_COLOR: '1' },
      transcript: EXTERNAL,
    });
    await until('both plugins are there', () => daemon.log.includes('10-env\\" (external'));
    const { id, output } = await environmentOf('second');
    expect(output).toContain('LAUNCHED=by containerd\n');
    expect(output).toContain('NRI_GREETING=hello from Nest\n');
    await pod.update(id, 512);
    await pod.end(id);
    const said = await linesOf(sample, 'removed second');
    for (const line of promised()) expect(said).toContain(line);
  });

  it('is there again after containerd has come back', async () => {
    const launched = Number(readFileSync(pidFile, 'utf8'));
    await daemon.halt();
    await until('the plugin that it launched has ended', () => isGone(launched));
    await daemon.boot();
    await linesOf(sample!, 'registered as 10-env');
    const { id, output } = await environmentOf('third');
    expect(output).toContain('NRI_GREETING=hello from Nest\n');
    expect(output).toContain('LAUNCHED=by containerd\n');
    await pod.end(id);
    expect(await sample?.stop()).toMatchObject({ complaints: '' });
    save();
  });
});

/** Of what both plugins have heard, before and after containerd's restart, each half once. */
function save(): void {
  const title = (calls: readonly string[]): string =>
    calls.some((call) => call.endsWith('UpdateContainer')) ? BEFORE : AFTER;
  const remarks = 'containerd 2.3.4 as the runtime, sample 14 as the plugin';
  saveTranscript(EXTERNAL, { remarks, title, keep: (each) => each.title === BEFORE });
  saveTranscript(LAUNCHED, {
    remarks: `${remarks}, which it has launched`,
    title,
    keep: (each) => each.title === AFTER,
  });
}

const BEFORE = 'a container is made, updated, stopped and removed';
const AFTER = 'a plugin hears of a pod that was there, and a container is made and removed';

/** What the sample's README says that it says. */
function promised(): string[] {
  const readme = readFileSync(join(sampleFolder('14-nri-plugin'), 'README.md'), 'utf8');
  const lines = /^```\n([^]*?)^```$/mu.exec(readme)?.[1]?.trimEnd().split('\n') ?? [];
  expect(lines.length).toBeGreaterThan(5);
  return lines;
}

/** What the sample prints up to a line with this text. */
async function linesOf(sample: SampleProcess, text: string): Promise<string> {
  let said = '';
  while (!said.includes(text)) said += `${await sample.line()}\n`;
  return said;
}
