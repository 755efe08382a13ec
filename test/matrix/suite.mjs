// Runs specs of a copy of test/ with the Node that runs this file:
//
//   node suite.mjs <folder> <report> <spec or folder of specs>...
//
// In the folder the package's peers are installed. What the specs import from lib/ is the compiled
// modules that the package's files are bundled of: many specs look inside.
import { startVitest } from 'vitest/node';

const [root, outputFile, ...filters] = process.argv.slice(2);

const vitest = await startVitest('test', filters, {
  root,
  config: false,
  watch: false,
  include: ['test/**/*.spec.ts'],
  reporters: [['json', { outputFile }]],
  // The runs share the machine's cores, one each, and load Nest once.
  pool: 'forks',
  maxWorkers: 1,
  isolate: false,
  testTimeout: 30_000,
  hookTimeout: 30_000,
});
await vitest.close();
