import { seteuid } from 'node:process';

/** Any user but root; the system has no need to know it. */
const NOBODY = 65_534;

/** Runs something for which root's rights, if this process has them, don't count. */
export async function unprivileged<T>(run: () => Promise<T>): Promise<T> {
  if (process.geteuid?.() !== 0) return run();
  seteuid?.(NOBODY);
  try {
    return await run();
  } finally {
    seteuid?.(0);
  }
}
