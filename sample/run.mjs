// Runs a sample: its server and its client as two processes on a unix socket of their own.
// Ends with 0 when both did, and otherwise says why.
import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const LIMIT_MS = 30_000;

const sample = join(import.meta.dirname, process.argv[2] ?? '01-four-kinds');
const folder = await mkdtemp(join(tmpdir(), 'ttrpc-sample-'));
const url = `unix://${join(folder, 'sample.sock')}`;
const timer = setTimeout(() => fail(`not done after ${LIMIT_MS / 1000} s`), LIMIT_MS);
const server = start('server');
try {
  await ready(server);
  const code = await ended(start('client'));
  if (code !== 0) fail(`the client ended with ${code}`);
} catch (error) {
  fail(error.message);
} finally {
  server.kill('SIGTERM');
  const code = await ended(server);
  if (code !== 0 && code !== 'SIGTERM') fail(`the server ended with ${code}`);
  clearTimeout(timer);
  await rm(folder, { recursive: true, force: true });
}
if (process.exitCode === undefined) console.log('every call did what it should; both have stopped');

function start(role) {
  const stdio = ['ignore', role === 'server' ? 'pipe' : 'inherit', 'inherit'];
  return spawn(process.execPath, [join(sample, `${role}.js`), url], { stdio });
}

/** Resolves with the server's first line, which it prints once it listens. */
function ready(child) {
  return new Promise((resolve, reject) => {
    child.once('exit', (code) => reject(new Error(`the server ended early, with ${code}`)));
    createInterface(child.stdout).on('line', (line) => {
      console.log(line);
      resolve(line);
    });
  });
}

/** Resolves with the exit code, or the signal. */
function ended(child) {
  if (child.exitCode !== null || child.signalCode !== null)
    return child.exitCode ?? child.signalCode;
  return new Promise((resolve) => child.once('exit', (code, signal) => resolve(code ?? signal)));
}

function fail(reason) {
  console.error(`failed: ${reason}`);
  process.exitCode = 1;
  server.kill('SIGKILL');
}
