import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    environment: 'node',
    include: ['test/interop/**/*.spec.ts', 'test/load/processes.spec.ts'],
    globalSetup: ['test/interop/build-peers.ts'],
    // The peers are processes of their own: two files at once would only slow each other down.
    fileParallelism: false,
    testTimeout: 30_000,
    hookTimeout: 10_000,
  },
});
