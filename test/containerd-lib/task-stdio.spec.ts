import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  closeSync,
  constants,
  openSync,
  readdirSync,
  readlinkSync,
  readSync,
  writeFileSync,
} from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { TaskStdio } from '../../lib/containerd/task-stdio.js';
import { tempFolder } from '../transport/temp-folder.js';

const at = tempFolder();
let made = 0;

function fifo(): string {
  const path = at(`fifo${++made}`);
  const { status } = spawnSync('mkfifo', [path]);
  if (status !== 0) throw new Error(`no mkfifo: ${status}`);
  return path;
}

/** The files in this test's folder that this process has open. */
function openFiles(): string[] {
  return readdirSync('/proc/self/fd')
    .map((fd) => {
      try {
        return readlinkSync(`/proc/self/fd/${fd}`);
      } catch {
        return '';
      }
    })
    .filter((path) => path.startsWith(at('')));
}

describe.skipIf(process.platform !== 'linux')('TaskStdio', () => {
  let stdio: TaskStdio;
  let paths: { stdin: string; stdout: string; stderr: string };

  beforeEach(() => {
    paths = { stdin: fifo(), stdout: fifo(), stderr: fifo() };
  });

  afterEach(() => {
    stdio.close();
    expect(openFiles()).toEqual([]);
  });

  it('gives a process the streams of its client, and the client their end', async () => {
    stdio = new TaskStdio(paths);
    const printed = Promise.all([readFile(paths.stdout, 'utf8'), readFile(paths.stderr, 'utf8')]);
    const child = spawn('sh', ['-c', 'read a; echo "got $a"; echo oops >&2'], {
      stdio: stdio.targets,
    });
    stdio.release();
    const exited = once(child, 'exit');
    await writeFile(paths.stdin, 'words\n');
    await exited;
    stdio.close();
    expect(await printed).toEqual(['got words\n', 'oops\n']);
  });

  it('keeps stdin open for a client that comes late, and ends it when that has gone', async () => {
    stdio = new TaskStdio(paths);
    const printed = readFile(paths.stdout, 'utf8');
    const child = spawn('cat', { stdio: stdio.targets });
    stdio.release();
    await writeFile(paths.stdin, 'first ');
    await writeFile(paths.stdin, 'second');
    expect(child.exitCode).toBeNull();
    stdio.closeStdin();
    await once(child, 'exit');
    stdio.close();
    expect(await printed).toBe('first second');
  });

  it('lets a process print when its client has gone, for the next client', async () => {
    stdio = new TaskStdio({ ...paths, stdin: '' });
    const child = spawn('sh', ['-c', 'echo one; echo two'], { stdio: stdio.targets });
    stdio.release();
    const [code] = (await once(child, 'exit')) as [number];
    expect(code).toBe(0);
    const reader = openSync(paths.stdout, constants.O_RDONLY | constants.O_NONBLOCK);
    stdio.close();
    const bytes = Buffer.alloc(100);
    expect(bytes.toString('latin1', 0, readSync(reader, bytes))).toBe('one\ntwo\n');
    expect(readSync(reader, bytes)).toBe(0);
    closeSync(reader);
  });

  it('has nothing for a stream that there is not', () => {
    stdio = new TaskStdio({ stdin: '', stdout: paths.stdout });
    expect(stdio.targets).toEqual(['ignore', expect.any(Number), 'ignore']);
  });

  it('refuses a path that is no FIFO, and leaves nothing open', () => {
    stdio = new TaskStdio({});
    writeFileSync(at('file'), '');
    expect(() => new TaskStdio({ ...paths, stderr: at('file') })).toThrow(
      `stdio must be FIFOs, got ${at('file')}`,
    );
    expect(openFiles()).toEqual([]);
  });

  it('says which path is missing', () => {
    stdio = new TaskStdio({});
    expect(() => new TaskStdio({ stdin: at('none') })).toThrow(`ENOENT`);
    expect(openFiles()).toEqual([]);
  });
});
