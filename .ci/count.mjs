// Adds up vitest's JSON reports and prints what was left out or run again and, as the last line,
// the counts.
//
//   node .ci/count.mjs <failed steps> <report>...
//
// A step that failed without a failed test of its own still counts as a failure.
import { readFileSync } from 'node:fs';

const [failedSteps, ...files] = process.argv.slice(2);
let passed = 0;
let failed = 0;

for (const file of files) {
  const report = read(file);
  passed += report.numPassedTests;
  failed += report.numFailedTests;
  for (const suite of report.testResults) {
    if (suite.status === 'failed' && suite.assertionResults.length === 0) failed += 1;
    for (const test of suite.assertionResults) {
      const [failure] = test.failureMessages ?? [];
      if (test.status === 'passed') {
        if (failure !== undefined) console.log(`retried ${test.fullName}: ${firstLine(failure)}`);
      } else if (test.status !== 'failed') console.log(`skipped ${test.fullName}`);
    }
  }
}

failed = Math.max(failed, Number(failedSteps));
console.log(`\n${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;

function firstLine(text) {
  return text.split('\n', 1)[0];
}

/** A report; an empty one if the step that should have written it did not get so far. */
function read(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    console.log(`no results in ${file}`);
    return { numPassedTests: 0, numFailedTests: 0, testResults: [] };
  }
}
