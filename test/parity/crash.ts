import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { PROCESS_ENDS } from './differences.js';

/**
 * What happens to a process that serves or calls over gRPC in a way that ends it: such a thing can't
 * be seen in the process of a test.
 *
 * @param method - what is called: `chatRaw`, `collectRaw`, `collect`, `one`
 * @param how - what goes wrong there: `throws`, `denies`, `upstream`, `filter`; or nothing, `works`
 */
export function crashOf(method: string, how: string): Promise<string> {
  const program = join(import.meta.dirname, 'crash.mjs');
  const child = spawn(process.execPath, [program, method, how], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let errors = '';
  child.stderr.on('data', (text: Buffer) => (errors += text.toString()));
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => {
      // 1 is what Node ends with for an error that nobody has caught; the program has codes of its own.
      const crashed = code === 1 && errors.startsWith('calling');
      resolve(crashed ? PROCESS_ENDS : `the process exits with ${code}: ${errors}`);
    });
  });
}
