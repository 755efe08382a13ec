// Small applications, ES modules and CommonJS, with the packed tarball, and the Nest suite, TLS and
// peer credentials with what it is bundled of, on every set of peers and every Node of versions.mjs.
//
//   node test/matrix/run.mjs [--only nest=11,node=22] [--report <file>] [spec or folder of specs]...
//
// `--only` takes beginnings of versions of nest, protobufjs and node; the report is in the form of
// vitest's JSON reporter.
import { spawn } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { pack } from '../package/pack.mjs';
import { PROGRAMS } from '../package/programs.mjs';
import { installNodes, installPeers, linkTools } from './projects.mjs';
import { print, reportOf, testsOf } from './report.mjs';
import { selection } from './selection.mjs';

const SUITES = [
  'test/nest',
  'test/testing',
  'test/ecosystem',
  // What leans on Node itself: its TLS, and the descriptor of a socket, which it does not publish.
  'test/engine/tls.spec.ts',
  'test/transport/peer-credentials.spec.ts',
];
/** Longer than any command takes: then it hangs. */
const HANGING_MS = 300_000;
/** npm has Node as a package for this kind of machine. */
const NODES_COME_FROM_NPM = process.platform === 'linux' && process.arch === 'x64';

const { values, positionals } = parseArgs({
  options: { only: { type: 'string', default: '' }, report: { type: 'string' } },
  allowPositionals: true,
});
const specs = positionals.length > 0 ? positionals : SUITES;
const work = mkdtempSync(join(realpathSync(tmpdir()), 'nestjs-ttrpc-matrix-'));
// Specs start these Nodes as another user, too.
chmodSync(work, 0o755);

try {
  const rows = await matrix();
  print(rows);
  const report = reportOf(rows);
  if (values.report) writeFileSync(values.report, JSON.stringify(report));
  process.exitCode = report.numFailedTests === 0 ? 0 : 1;
} catch (error) {
  console.error(`matrix: ${error.message}`);
  process.exitCode = 1;
} finally {
  rmSync(work, { recursive: true, force: true });
}

async function matrix() {
  const own = NODES_COME_FROM_NPM ? undefined : process.versions.node;
  const { peers, nodes } = selection(values.only, own && [own]);
  if (own) console.log(`only Node ${own}: npm has no others for this kind of machine`);
  const { tarball } = pack(work);
  const modules = join(work, 'modules');
  const build = join(import.meta.dirname, '../../.ci/build.mjs');
  await run(work, process.execPath, [build, '--modules', modules]);
  linkTools(work);
  const program = own ? () => process.execPath : await installNodes(work, nodes, run);
  const folders = await inParallel(
    peers.map((set) => () => installPeers(work, set, { tarball, modules }, run)),
  );
  return inParallel(
    peers.flatMap((set, at) =>
      nodes.map((version) => () => tryOut(set, version, program(version), folders[at])),
    ),
  );
}

/** Runs the applications and the suite of one folder with one Node. */
async function tryOut({ nest, protobufjs }, version, node, folder) {
  const start = performance.now();
  const label = `nest ${nest.core}, protobufjs ${protobufjs}, node ${version}`;
  const applications = [];
  for (const name of PROGRAMS) {
    const failure = await run(join(folder, 'consumer'), node, [join('dist', name)]).then(
      () => [],
      (error) => [error.message],
    );
    const status = failure.length === 0 ? 'passed' : 'failed';
    applications.push({ fullName: `${name} runs`, status, failureMessages: failure });
  }
  const tests = [...applications, ...(await suite(node, folder, version))];
  console.log(`ran ${label}`);
  return {
    combination: [nest.core, protobufjs, version],
    tests: tests.map((test) => ({ ...test, fullName: `${label}: ${test.fullName}` })),
    seconds: (performance.now() - start) / 1000,
  };
}

/** The suite's tests; one failed test if it could not run. */
async function suite(node, folder, version) {
  const file = join(folder, `${version}.json`);
  const script = join(import.meta.dirname, 'suite.mjs');
  const said = await run(folder, node, [script, folder, file, ...specs]).catch(
    (error) => error.message,
  );
  try {
    return testsOf(JSON.parse(readFileSync(file, 'utf8')));
  } catch {
    return [{ fullName: 'the suite', status: 'failed', failureMessages: [said] }];
  }
}

/** Runs a command to its end; throws all that it said if it fails. */
function run(cwd, command, args) {
  const env = { ...process.env, npm_config_loglevel: 'error' };
  const child = spawn(command, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
  const said = [];
  child.stdout.on('data', (chunk) => void said.push(chunk));
  child.stderr.on('data', (chunk) => void said.push(chunk));
  const timer = setTimeout(() => child.kill('SIGKILL'), HANGING_MS);
  return new Promise((done, fail) => {
    child.on('error', fail);
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      const text = Buffer.concat(said).toString();
      if (code === 0) done(text);
      else fail(new Error(`${command} ${args.join(' ')} ended with ${code ?? signal}\n${text}`));
    });
  });
}

/** Does jobs, as many at once as there are cores, and returns their results in order. */
async function inParallel(jobs) {
  const results = [];
  const queue = jobs.entries();
  const worker = async () => {
    for (const [at, job] of queue) results[at] = await job();
  };
  await Promise.all(Array.from({ length: availableParallelism() }, worker));
  return results;
}
