// What the runs of the matrix found: a table for people, and vitest's JSON form for .ci/count.mjs.

/** The tests of a run, out of vitest's JSON. */
export function testsOf({ testResults }) {
  return testResults.flatMap(testsOfFile);
}

/** A file that could not be run counts as one failed test. */
function testsOfFile({ name, status, message, assertionResults }) {
  if (status !== 'failed' || assertionResults.length > 0) return assertionResults;
  return [{ fullName: name, status, failureMessages: [message] }];
}

/** All rows as one report in the form of vitest's JSON reporter. */
export function reportOf(rows) {
  const tests = rows.flatMap((row) => row.tests);
  const { passed, failed } = counts(tests);
  return {
    numPassedTests: passed,
    numFailedTests: failed,
    testResults: [{ name: 'matrix', status: 'passed', assertionResults: tests }],
  };
}

/** Prints what failed and why, then a line for each run. */
export function print(rows) {
  for (const { fullName, status, failureMessages } of rows.flatMap((row) => row.tests)) {
    if (status === 'failed') console.log(`\nFAILED ${fullName}\n${failureMessages.join('\n')}`);
  }
  console.log(
    `\n${line(['nest', 'protobufjs', 'node', 'passed', 'failed', 'skipped', 'seconds'])}`,
  );
  for (const { combination, tests, seconds } of rows) {
    const { passed, failed, skipped } = counts(tests);
    console.log(line([...combination, passed, failed, skipped, seconds.toFixed(0)]));
  }
}

function line(cells) {
  return cells.map((cell) => String(cell).padEnd(10)).join('  ');
}

function counts(tests) {
  const of = (status) => tests.filter((test) => test.status === status).length;
  const passed = of('passed');
  const failed = of('failed');
  return { passed, failed, skipped: tests.length - passed - failed };
}
