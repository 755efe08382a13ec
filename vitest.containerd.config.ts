import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    environment: 'node',
    include: ['test/containerd/**/*.spec.ts'],
    globalSetup: ['test/containerd/setup.ts'],
    // The daemons are processes of their own: two files at once would only slow each other down.
    fileParallelism: false,
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
