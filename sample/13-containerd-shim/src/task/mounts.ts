import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { runOnHost } from './host.js';
import type { Mount } from './task-messages.js';

/** Mounts a root file system as containerd's snapshotter says, layer upon layer. */
export async function mount(mounts: readonly Mount[], root: string): Promise<void> {
  await mkdir(root, { recursive: true });
  for (const { type, source, target, options } of mounts) {
    const flags = options.length > 0 ? ['-o', options.join(',')] : [];
    await runOnHost('mount', '-t', type, ...flags, source, join(root, target));
  }
}

/** Unmounts what is mounted there; nothing being mounted is no failure. */
export async function unmount(root: string): Promise<void> {
  try {
    // One mount after the other comes off; who is still in there keeps only itself busy.
    for (;;) await runOnHost('umount', '--lazy', root);
  } catch (error) {
    if (!/not mounted|no mount point/.test((error as Error).message)) throw error;
  }
}
