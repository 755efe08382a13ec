import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { Child } from '../child.js';
import type { Cores } from '../pinning.js';
import { commandOf } from '../programs.js';
import type { Role } from '../subjects.js';

export const node = (peer: string): Role => ({ program: 'node', peer });
export const GO: Role = { program: 'go', peer: 'go' };

/** A server and a driver that is connected to it. */
export interface Pair {
  readonly server: Child;
  readonly client: Child;
}

/** Starts a server and a driver, and stops them after the action, whatever becomes of it. */
export async function withPair<T>(
  server: Role,
  client: Role,
  cores: Cores,
  action: (pair: Pair) => Promise<T>,
): Promise<T> {
  return withFolder(async (folder) => {
    const socket = join(folder, 's');
    const children: Child[] = [];
    try {
      const serving = await Child.start(commandOf('serve', server, socket, cores));
      children.push(serving);
      const driving = await Child.start(commandOf('drive', client, socket, cores));
      children.push(driving);
      return await action({ server: serving, client: driving });
    } finally {
      for (const child of children.toReversed()) await child.stop();
    }
  });
}

/** Bytes of memory that a process keeps, its garbage collected. */
export async function keptBytes(child: Child): Promise<number> {
  // What is collected goes back to the system only some time after: the first answer has it still.
  await child.settle();
  return (await child.settle()).rssBytes;
}

/** Makes a folder for the action, which is gone after it. */
export async function withFolder<T>(action: (folder: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'ttrpc-bench-'));
  try {
    return await action(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
