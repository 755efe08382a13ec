// Runs specs of a copy of test/ with the Node that runs this file:
//
//   node suite.mjs <folder> <report> <spec or folder of specs>...
//
// In the folder the packed package and its peers are installed; what the specs import from lib/ is
// the package's dist/.
import { startVitest } from 'vitest/node';

const [root, outputFile, ...filters] = process.argv.slice(2);

const vitest = await startVitest(
  'test',
  filters,
  {
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
  },
  {
    resolve: {
      alias: [
        { find: /^(\.\.\/)+lib\/(.+)$/, replacement: `${root}/node_modules/nestjs-ttrpc/dist/$2` },
      ],
    },
  },
);
await vitest.close();
