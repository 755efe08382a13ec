import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { failed } from './failures.js';

const execute = promisify(execFile);

/**
 * Runs a program of the host to its end, and gives what it prints.
 *
 * @throws StatusError with what it complains
 */
export async function runOnHost(program: string, ...args: string[]): Promise<string> {
  try {
    return (await execute(program, args)).stdout;
  } catch (error) {
    const { stderr, message } = error as Error & { stderr?: string };
    throw failed(stderr?.trim() || message);
  }
}
