import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { blocksOf, ROOT } from './documents.js';
import { openWorkshop } from './workshop.js';

const HEADING = 'A server and a client';

const blocks = blocksOf('README.md').filter(({ heading }) => heading === HEADING);
const [proto, server, client, ...shells] = blocks.map(({ code }) => code);
const commands = shells.join('\n').split('\n');
const workshop = openWorkshop();
let serving: ChildProcess | undefined;

beforeAll(() => {
  workshop.install();
  workshop.write('hero.proto', proto ?? '');
  workshop.write('server.ts', server ?? '');
  workshop.write('client.ts', client ?? '');
}, 30_000);

afterAll(() => {
  serving?.kill();
  rmSync(workshop.folder, { recursive: true, force: true });
});

describe(`the README's "${HEADING}"`, () => {
  it('is a .proto, two programs of about twenty lines and their commands', () => {
    expect(blocks.map(({ language }) => language)).toEqual(['proto', 'ts', 'ts', 'sh', 'sh']);
    for (const program of [server, client]) expect(program?.split('\n').length).toBeLessThan(27);
  });

  it('works as its commands say', { timeout: 60_000 }, async () => {
    const compile = commands.find((command) => command.startsWith('npx tsc')) ?? '';
    // The user's folder has no tsconfig.json; those above this one are not theirs.
    expect(await linesOf(start(`${compile.replace('npx ', '')} --ignoreConfig`))).toEqual([]);

    expect(commands).toContain('node server.js');
    serving = start('node server.js');
    await firstLine(serving, /successfully started/);

    expect(commands).toContain('node client.js');
    const lines = await linesOf(start('node client.js'));
    const promised = /console\.log\(.*\); \/\/ (.*)/.exec(client ?? '')?.[1];
    expect(lines.filter((line) => !line.startsWith('[Nest]'))).toEqual([promised]);
  });
});

/** Starts a command in the folder of the programs, with the compiler of the repository at hand. */
function start(command: string): ChildProcess {
  const [name = '', ...rest] = command.split(' ');
  const tools = join(ROOT, 'node_modules/.bin');
  return spawn(name === 'node' ? process.execPath : join(tools, name), rest, {
    cwd: workshop.folder,
    env: { ...process.env, NO_COLOR: '1' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
}

/** What a process prints until it ends, which it must do well. */
async function linesOf(child: ChildProcess): Promise<string[]> {
  let text = '';
  child.stdout?.on('data', (chunk) => (text += String(chunk)));
  const [code] = (await once(child, 'close')) as [number | null];
  expect(code, text).toBe(0);
  return text.split('\n').filter((line) => line !== '');
}

async function firstLine({ stdout }: ChildProcess, wanted: RegExp): Promise<void> {
  if (stdout === null) return;
  const lines = createInterface(stdout);
  for await (const line of lines) {
    if (wanted.test(line)) return;
  }
  throw new Error(`the server ended without ${String(wanted)}`);
}
