// Runs every gate that needs only Node, each to its end, and says at the end which failed.
//
//   node .ci/check.mjs [--test-report <file>]     as in CI: also writes vitest's results there, as
//                                               JSON, and runs again what fails once
import { spawnSync } from 'node:child_process';
import { parseArgs } from 'node:util';

const { values: options } = parseArgs({ options: { 'test-report': { type: 'string' } } });
const report = options['test-report'];
const flags = ['--retry=1', '--reporter=default', '--reporter=json', `--outputFile.json=${report}`];

/** Each gate: what it is called and the npm script behind it. */
const GATES = [
  ['types', 'typecheck'],
  ['floors', 'floors'],
  ['lint', 'lint'],
  ['format', 'format:check'],
  ['tests and coverage', 'test:coverage', ...(report ? ['--', ...flags] : [])],
  ['reference', 'docs:check'],
  ['build', 'build'],
  ['publint', 'publint'],
  ['are the types wrong', 'attw'],
  ['knip', 'knip'],
  ['package', 'test:package'],
];

const rows = GATES.map(([name, ...script]) => {
  console.log(`\n=== ${name}: npm run ${script[0]}`);
  const start = performance.now();
  const { status } = spawnSync('npm', ['run', '--silent', ...script], {
    stdio: ['ignore', 'inherit', 'inherit'],
    shell: process.platform === 'win32',
  });
  return { name, passed: status === 0, seconds: (performance.now() - start) / 1000 };
});

console.log('\n=== summary');
for (const { name, passed, seconds } of rows) {
  console.log(
    `${passed ? 'ok    ' : 'FAILED'}  ${name.padEnd(20)} ${seconds.toFixed(1).padStart(6)} s`,
  );
}
const failed = rows.filter(({ passed }) => !passed).map(({ name }) => name);
console.log(failed.length === 0 ? '\nall gates passed' : `\nfailed: ${failed.join(', ')}`);
process.exitCode = failed.length === 0 ? 0 : 1;
