import { fileURLToPath } from 'node:url';

import { defineConfig } from 'vitest/config';

const source = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

const WHOLE = { lines: 100, branches: 100, functions: 100, statements: 100 };

export default defineConfig({
  resolve: {
    alias: [
      { find: /^nestjs-ttrpc$/, replacement: source('./lib/index.ts') },
      { find: /^nestjs-ttrpc\/engine$/, replacement: source('./lib/engine/index.ts') },
      {
        find: /^nestjs-ttrpc\/containerd$/,
        replacement: source('./lib/containerd/index.ts'),
      },
      { find: /^nestjs-ttrpc\/testing$/, replacement: source('./lib/testing/index.ts') },
    ],
  },
  test: {
    environment: 'node',
    include: ['test/**/*.spec.ts'],
    exclude: [
      'test/containerd/**',
      'test/interop/**',
      'test/load/processes.spec.ts',
      'test/package/consumer/**',
      '**/.build/**',
    ],
    testTimeout: 10_000,
    hookTimeout: 10_000,
    coverage: {
      provider: 'v8',
      include: ['lib/**/*.ts'],
      exclude: ['test/**'],
      reporter: ['text-summary', 'html', 'json-summary'],
      // A file that fails its threshold is found in coverage/index.html.
      thresholds: {
        'lib/wire/**': WHOLE,
        'lib/protocol/**': WHOLE,
        'lib/errors.ts': WHOLE,
        'lib/rpc/to-status.ts': WHOLE,
        lines: 95,
        branches: 95,
        functions: 95,
        statements: 95,
      },
    },
  },
});
