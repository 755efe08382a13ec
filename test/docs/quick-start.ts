import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { blocksOf, ROOT, type Block } from './documents.js';
import type { Workshop } from './workshop.js';

const HEADING = 'A server and a client';

/** The blocks of the README's first steps: a .proto, a server, a client, and their commands. */
export const steps: readonly Block[] = blocksOf('README.md').filter(
  ({ heading }) => heading === HEADING,
);

/**
 * Does what the first steps say, but for the commands of npm.
 *
 * @returns what the client printed, without Nest's log, and what the README says that it prints
 * @throws when a command is not among the steps, or fails
 */
export async function followSteps(workshop: Workshop): Promise<[got: string[], said: string]> {
  const [proto = '', server = '', client = '', ...shells] = steps.map(({ code }) => code);
  workshop.write('steps/hero.proto', proto);
  workshop.write('steps/server.ts', server);
  workshop.write('steps/client.ts', client);
  const folder = join(workshop.folder, 'steps');

  const commands = shells.join('\n').split('\n');
  const command = (beginning: string): string => {
    const found = commands.find((line) => line.startsWith(beginning));
    if (found === undefined) throw new Error(`no step is ${beginning}`);
    return found.replace('npx ', '');
  };
  // The user's folder has no tsconfig.json; those above this one are not theirs.
  await linesOf(start(folder, `${command('npx tsc')} --ignoreConfig`));
  const serving = start(folder, command('node server.js'));
  try {
    await waitFor(serving, /successfully started/);
    const lines = await linesOf(start(folder, command('node client.js')));
    const [, said = ''] = /console\.log\(.*\); \/\/ (.*)/.exec(client) ?? [];
    return [lines.filter((line) => !line.startsWith('[Nest]')), said];
  } finally {
    serving.kill();
  }
}

/** Starts a command, with the compiler of the repository at hand. */
function start(folder: string, command: string): ChildProcess {
  const [name = '', ...rest] = command.split(' ');
  const tools = join(ROOT, 'node_modules/.bin');
  return spawn(name === 'node' ? process.execPath : join(tools, name), rest, {
    cwd: folder,
    env: { ...process.env, NO_COLOR: '1' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
}

/** What a process prints until it ends, which it must do well. */
async function linesOf(child: ChildProcess): Promise<string[]> {
  let text = '';
  child.stdout?.on('data', (chunk) => (text += String(chunk)));
  const [code] = (await once(child, 'close')) as [number | null];
  if (code !== 0) throw new Error(`${child.spawnargs.join(' ')} ended with ${code}: ${text}`);
  return text.split('\n').filter((line) => line !== '');
}

async function waitFor({ stdout }: ChildProcess, wanted: RegExp): Promise<void> {
  if (stdout === null) return;
  for await (const line of createInterface(stdout)) {
    if (wanted.test(line)) return;
  }
  throw new Error(`the server ended without ${String(wanted)}`);
}
