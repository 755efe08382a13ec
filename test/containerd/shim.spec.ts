import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { delimiter, join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from 'vitest';

import { findShims } from '../../lib/containerd/shim-bundles.js';
import { shimSocketPath } from '../../lib/containerd/shim-socket.js';
import { Daemon, isGone, until, type Outcome } from './daemon.js';
import { firstOfEach } from './first-of-each.js';
import { makeImage } from './image.js';
import { INSTALLATIONS } from './programs.js';
import { saveTranscript, tapArguments } from './recorder/index.js';
import { sampleFolder } from './sample.js';

const RUNTIME = 'io.containerd.nest.v1';
const IMAGE = 'test.local/busybox:1';
const BIN = join(sampleFolder('13-containerd-shim'), 'bin');
const leftOut = inject('leftOut');

describe.each(INSTALLATIONS)('sample 13 driven by $name', ({ name, path }) => {
  const why = leftOut[name];
  const transcript = `our-shim-under-${name.replaceAll(/\W+/g, '-')}`;
  let daemon: Daemon;
  let folder: string;

  /** Runs a container in the foreground: its output is ctr's, and so is how it ends. */
  const foreground = (id: string, script: string, stdin?: string): Promise<Outcome> =>
    daemon.tryCtr(['run', '--rm', '--runtime', RUNTIME, IMAGE, id, '/bin/sh', '-c', script], stdin);

  const background = (id: string, script: string, ...options: string[]): Promise<string> => {
    const flags = ['--detach', '--runtime', RUNTIME, ...options];
    return daemon.ctr('run', ...flags, IMAGE, id, '/bin/sh', '-c', script);
  };

  const listed = async (id: string): Promise<string | undefined> =>
    (await daemon.ctr('tasks', 'list')).split('\n').find((line) => line.startsWith(`${id} `));

  const becomes = (id: string, status: string): Promise<void> =>
    until(`${id} is ${status}`, async () => (await listed(id))?.includes(status) === true);

  /** Processes that say this daemon's namespace: shims, and the runcs of containers. */
  async function processes(): Promise<string[]> {
    const found: string[] = [];
    for (const pid of (await readdir('/proc')).filter((each) => /^\d+$/.test(each))) {
      const command = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
      if (/shim|runc/.test(command) && command.includes(daemon.namespace)) found.push(pid);
    }
    return found.filter((pid) => !isGone(Number(pid)));
  }

  /** What there is of containers with these ids. */
  async function traces(ids: readonly string[]): Promise<string[]> {
    const { address, namespace, state } = daemon;
    const bundles = join(state, 'io.containerd.runtime.v2.task', namespace);
    const sockets = new Set(await readdir('/run/containerd/s'));
    const mounts = (await readFile('/proc/mounts', 'utf8')).split('\n');
    return [
      ...(await processes()).map((pid) => `process ${pid}`),
      ...mounts.filter((line) => line.includes(state)),
      ...(await readdir(bundles)).map((id) => `bundle ${id}`),
      ...(await readdir(`/run/containerd/runc/${namespace}`)).map((id) => `runc's ${id}`),
      ...ids
        .map((id) => shimSocketPath({ address, namespace, id }))
        .filter((socket) => sockets.has(socket.slice(-64))),
    ];
  }

  async function leavesNothing(...ids: readonly string[]): Promise<void> {
    let left: string[] = [];
    await until('nothing is left', async () => {
      left = await traces(ids);
      return left.length === 0;
    }).catch((error: Error) => expect.fail(`${error.message}; but\n${left.join('\n')}`));
  }

  /** The process of a container's shim. */
  async function shimOf(id: string): Promise<number> {
    for (const pid of await processes()) {
      const command = await readFile(`/proc/${pid}/cmdline`, 'utf8');
      if (command.includes(`-id=${id}\0`)) return Number(pid);
    }
    throw new Error(`no shim of ${id}`);
  }

  beforeAll(async () => {
    if (why !== undefined) return;
    folder = await mkdtemp('/tmp/img-');
    const image = await makeImage(folder, IMAGE);
    const { NODE_OPTIONS: options } = process.env;
    // The shims have it from the daemon, and the daemon from here.
    if (tapArguments(transcript).length > 0) {
      process.env['NODE_OPTIONS'] = tapArguments(transcript).join(' ');
    }
    daemon = await Daemon.start({ name, path: BIN + delimiter + path });
    if (options === undefined) delete process.env['NODE_OPTIONS'];
    else process.env['NODE_OPTIONS'] = options;
    await daemon.ctr('image', 'import', image);
  });

  afterEach(async () => {
    if (why !== undefined) return;
    // What a failed test has left is not the next one's.
    for (const id of (await daemon.ctr('containers', 'list', '--quiet')).split('\n')) {
      if (id === '') continue;
      await daemon.tryCtr(['tasks', 'delete', '--force', id]);
      await daemon.tryCtr(['containers', 'delete', id]);
    }
  });

  afterAll(async () => {
    if (why !== undefined) return;
    await daemon.stop();
    await rm(folder, { recursive: true });
    saveTranscript(transcript, {
      remarks: `our shim, sample 13, driven by ${name}`,
      title: titleOf,
      keep: firstOfEach(),
    });
  });

  it.skipIf(why)('prints what the container prints, and ends as it does', async () => {
    const { code, stdout } = await foreground('hello', 'echo hello; exit 7');
    expect([code, stdout]).toEqual([7, 'hello\n']);
    await leavesNothing('hello');
  });

  it.skipIf(why)('is found by its path, too', async () => {
    const runtime = join(BIN, 'containerd-shim-nest-v1');
    const args = ['run', '--rm', '--runtime', runtime, IMAGE, 'path'];
    args.push('/bin/busybox', 'echo', 'hello');
    expect(await daemon.tryCtr(args)).toMatchObject({ code: 0, stdout: 'hello\n' });
    await leavesNothing('path');
  });

  it.skipIf(why ?? (name === 'containerd 2' ? undefined : 'it does not ask'))(
    'says who it is',
    async () => {
      const inspected = await daemon.ctr('plugins', 'inspect-runtime', '--runtime', RUNTIME);
      expect(JSON.parse(inspected)).toMatchObject({ Name: RUNTIME });
    },
  );

  it.skipIf(why)('hands on what is typed, its end, and what is complained', async () => {
    const script = 'read a; echo "got $a"; read b || echo the end; echo oops >&2; exit 3';
    const { code, stdout, stderr } = await foreground('typed', script, 'words\n');
    expect([code, stdout]).toEqual([3, 'got words\nthe end\n']);
    expect(stderr).toContain('oops\n');
  });

  it.skipIf(why)('says why a program does not start, and leaves nothing', async () => {
    const args = ['run', '--rm', '--runtime', RUNTIME, IMAGE, 'none', '/no/such/program'];
    const { code, stderr } = await daemon.tryCtr(args);
    expect(code).toBe(1);
    expect(stderr).toMatch(/ctr: .*no\/such\/program.*no such file/);
    await leavesNothing('none');
  });

  it.skipIf(why)('lists processes, and runs another in the container', async () => {
    await background('busy', 'sleep 999 & wait');
    const pids = (await daemon.ctr('tasks', 'ps', 'busy')).trim().split('\n').slice(1);
    expect(pids).toHaveLength(2);
    expect(await listed('busy')).toMatch(new RegExp(`^busy +${pids[0]!.split(/\s/)[0]} +RUNNING`));
    const exec = ['tasks', 'exec', '--exec-id', 'more', 'busy', '/bin/sh', '-c'];
    const outcome = await daemon.tryCtr([...exec, 'read a; echo "got $a"; exit 5'], 'words\n');
    expect(outcome).toMatchObject({ code: 5, stdout: 'got words\n' });
    const missing = await daemon.tryCtr([...exec.slice(0, -2), '/no/such/program']);
    expect(missing.stderr).toMatch(/no such file/);
    await daemon.ctr('tasks', 'kill', '--signal', 'SIGKILL', 'busy');
    await becomes('busy', 'STOPPED');
    const deleted = await daemon.tryCtr(['tasks', 'delete', 'busy']);
    expect(deleted.stderr).toContain('137');
    await leavesNothing('busy');
  });

  it.skipIf(why)('pauses and resumes', async () => {
    await background('still', 'sleep 999');
    await daemon.ctr('tasks', 'pause', 'still');
    expect(await listed('still')).toContain('PAUSED');
    await daemon.ctr('tasks', 'resume', 'still');
    expect(await listed('still')).toContain('RUNNING');
  });

  it.skipIf(why)('tells containerd what happens, in order', async () => {
    const events = daemon.watch('events');
    try {
      const lines: string[] = [];
      createInterface(events.stdout!).on('line', (line) => lines.push(line));
      let tries = 0;
      await until('ctr has subscribed', async () => {
        await daemon.ctr('namespaces', 'label', daemon.namespace, `try=${++tries}`);
        return lines.length > 0;
      });
      for (const id of ['e1', 'e2', 'e3']) await foreground(id, 'exit 7');
      const topics = (id: string): string[] =>
        lines
          .filter((line) => line.includes(`"container_id":"${id}"`))
          .map((line) => / (\/tasks\/\S+) /.exec(line)![1]!);
      const all = ['create', 'start', 'exit', 'delete'].map((what) => `/tasks/${what}`);
      await until('the last is there', () => topics('e3').includes('/tasks/delete'));
      expect([topics('e1'), topics('e2'), topics('e3')]).toEqual([all, all, all]);
      const exits = lines.filter((line) => line.includes('/tasks/exit'));
      expect(exits.every((line) => line.includes('"exit_status":7'))).toBe(true);
    } finally {
      events.kill();
    }
  });

  it.skipIf(why)('is cleaned up behind a SIGKILL', async () => {
    await background('orphan', 'sleep 999');
    process.kill(await shimOf('orphan'), 'SIGKILL');
    await until('containerd has noticed', async () => (await listed('orphan')) === undefined);
    await leavesNothing('orphan');
  });

  it.skipIf(why)('goes on while containerd is away, and is found again', async () => {
    await background('stays', 'trap "exit 4" TERM; sleep 999 & wait');
    await background('ends', 'sleep 999');
    const shim = await shimOf('stays');
    const pid = Number((await listed('ends'))!.split(/\s+/)[1]);
    await daemon.halt('SIGKILL');
    process.kill(pid, 'SIGKILL');
    await daemon.boot();
    expect(await listed('stays')).toContain('RUNNING');
    await becomes('ends', 'STOPPED');
    expect(await shimOf('stays')).toBe(shim);
    await daemon.ctr('tasks', 'kill', '--signal', 'SIGTERM', 'stays');
    await becomes('stays', 'STOPPED');
    expect((await daemon.tryCtr(['tasks', 'delete', 'stays'])).stderr).toContain('code 4');
    expect((await daemon.tryCtr(['tasks', 'delete', 'ends'])).stderr).toContain('code 137');
    await leavesNothing('stays', 'ends');
  });

  it.skipIf(why)('serves the containers of one group, until the last one goes', async () => {
    const group = ['--annotation', 'io.containerd.runc.v2.group=pod'];
    await background('first', 'sleep 999', ...group);
    await background('second', 'sleep 999', ...group);
    const { shims } = await findShims({ state: daemon.state, namespace: daemon.namespace });
    expect(shims.map(({ id }) => id)).toEqual(['first', 'second']);
    expect(new Set(shims.map(({ address }) => address)).size).toBe(1);
    const shim = await shimOf('first');
    await daemon.tryCtr(['tasks', 'delete', '--force', 'first']);
    expect(await listed('second')).toContain('RUNNING');
    expect(isGone(shim)).toBe(false);
    await daemon.tryCtr(['tasks', 'delete', '--force', 'second']);
    await leavesNothing('pod');
  });

  it.skipIf(why)(
    'runs twenty side by side, of which nothing stays',
    { timeout: 180_000 },
    async () => {
      const ids = Array.from({ length: 20 }, (_, index) => `many${index}`);
      const outcomes = await Promise.all(ids.map((id) => foreground(id, `echo ${id}; exit 7`)));
      expect(outcomes.map(({ code, stdout }) => [code, stdout])).toEqual(
        ids.map((id) => [7, `${id}\n`]),
      );
      await leavesNothing(...ids);
    },
  );
});

/** `containerd.task.v3.Task: Create, Start, …`: each call once, since ctr asks for states all the time. */
function titleOf(calls: readonly string[]): string {
  const [service] = calls[0]?.split('/') ?? [];
  const names = new Set(calls.map((call) => call.split('/')[1]));
  return `${service}: ${[...names].join(', ')}`;
}
