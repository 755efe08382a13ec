// Uses each sample as a reader does who copies it out: installs it beside the packed tarball, builds
// it by its own scripts, runs it, and compares what it prints with what its README says.
//
//   node test/samples/run.mjs [--report <file>] [<sample>...]     vitest's JSON, for .ci/count.mjs
import { spawnSync } from 'node:child_process';
import {
  cpSync,
  copyFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';

import { pack, run } from '../package/pack.mjs';

/** Time for one sample to build and end, in milliseconds. */
const LIMIT_MS = 90_000;

/** These need root and containerd: here they are only built, and `npm run test:containerd` runs them. */
const BUILT_ONLY = ['12-containerd-client', '13-containerd-shim', '14-nri-plugin'];

const root = resolve(import.meta.dirname, '../..');
const samples = join(root, 'sample');
const { values: options, positionals } = parseArgs({
  options: { report: { type: 'string' } },
  allowPositionals: true,
});
const chosen =
  positionals.length > 0
    ? positionals
    : readdirSync(samples).filter((name) => existsSync(join(samples, name, 'package.json')));

const work = mkdtempSync(join(realpathSync(tmpdir()), 'nestjs-ttrpc-samples-'));
try {
  install(pack(work).tarball);
  const results = chosen.map((name) => attempt(name, () => tryOut(name)));
  results.push(attempt('lint', lint));
  print(results);
} finally {
  rmSync(work, { recursive: true, force: true });
}

/**
 * Copies the samples, and installs what they all ask for in the folder above: one tarball, and the
 * root's lock file for what their dependencies depend on.
 */
function install(tarball) {
  const dependencies = {};
  for (const name of chosen) {
    const manifest = JSON.parse(readFileSync(join(samples, name, 'package.json'), 'utf8'));
    Object.assign(dependencies, manifest.dependencies, manifest.devDependencies);
  }
  dependencies['nestjs-ttrpc'] = `file:${basename(tarball)}`;
  writeFileSync(join(work, 'package.json'), JSON.stringify({ private: true, dependencies }));
  copyFileSync(join(root, 'package-lock.json'), join(work, 'package-lock.json'));
  for (const name of chosen) {
    const keep = (path) => !/[/\\](dist|node_modules|generated)$/.test(path);
    cpSync(join(samples, name), join(work, 'sample', name), { recursive: true, filter: keep });
  }
  run(work, 'npm', 'install', '--ignore-scripts', '--no-audit', '--no-fund', '--prefer-offline');
}

/** Builds and, if it can, runs a sample; throws if it fails, takes too long, or prints something else. */
function tryOut(name) {
  if (BUILT_ONLY.includes(name)) {
    run(join(work, 'sample', name), 'npm', 'run', '--silent', 'build');
    return;
  }
  const { pid, status, signal, stdout, stderr } = spawnSync('npm', ['start', '--silent'], {
    cwd: join(work, 'sample', name),
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: LIMIT_MS,
    killSignal: 'SIGKILL',
    detached: true,
  });
  if (signal !== null) {
    // npm is gone; what it had started is still there, in its group.
    process.kill(-pid, 'SIGKILL');
    throw new Error(`not done after ${LIMIT_MS / 1000} s\n${stdout}${stderr}`);
  }
  if (status !== 0) throw new Error(`ended with ${status}\n${stdout}${stderr}`);
  const expected = promised(name);
  if (withoutRates(stdout) !== withoutRates(expected)) {
    throw new Error(`printed\n${stdout}\nbut its README says\n${expected}\n${stderr}`);
  }
}

/** What a sample's README says that it prints. */
function promised(name) {
  const readme = readFileSync(join(samples, name, 'README.md'), 'utf8');
  return /^It prints.*:\n\n```\n([^]*?)^```$/m.exec(readme)?.[1];
}

/** A rate is the machine's own. */
function withoutRates(text) {
  return text?.replaceAll(/[\d,]+(?= calls\/s)/g, 'N');
}

/** By the root's rules; and where their dependencies are installed, those that need types work. */
function lint() {
  copyFileSync(join(root, '.oxlintrc.json'), join(work, '.oxlintrc.json'));
  process.env.OXLINT_TSGOLINT_PATH = join(root, 'node_modules/.bin/tsgolint');
  const oxlint = join(root, 'node_modules/oxlint/bin/oxlint');
  const built = ['--ignore-pattern=**/dist/**', '--ignore-pattern=**/generated/**'];
  run(work, process.execPath, oxlint, '--type-aware', '--deny-warnings', ...built, 'sample');
}

function attempt(name, action) {
  const start = performance.now();
  let failure;
  try {
    action();
  } catch (error) {
    failure = error.message;
  }
  const ms = performance.now() - start;
  console.log(`${failure ? 'FAILED' : 'ok    '}  ${name.padEnd(24)} ${(ms / 1000).toFixed(1)} s`);
  if (failure) console.log(failure);
  return { name, ms, failure };
}

function print(results) {
  const failed = results.filter(({ failure }) => failure !== undefined);
  console.log(`\nsamples: ${results.length - failed.length} passed, ${failed.length} failed`);
  process.exitCode = failed.length === 0 ? 0 : 1;
  if (options.report === undefined) return;
  const assertionResults = results.map(({ name, ms, failure }) => ({
    fullName: `sample ${name}`,
    status: failure === undefined ? 'passed' : 'failed',
    duration: ms,
    failureMessages: failure === undefined ? [] : [failure],
  }));
  const report = {
    numPassedTests: results.length - failed.length,
    numFailedTests: failed.length,
    testResults: [{ status: failed.length === 0 ? 'passed' : 'failed', assertionResults }],
  };
  writeFileSync(options.report, JSON.stringify(report));
}
