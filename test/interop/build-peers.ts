import type { TestProject } from 'vitest/node';

import { build, missingFor, PEERS } from './peers.js';

declare module 'vitest' {
  interface ProvidedContext {
    /** The peers that could not be built, by name, and why. */
    leftOut: Readonly<Record<string, string>>;
  }
}

/** Builds every peer before the first test; in CI a missing compiler is a failure. */
export function setup(project: TestProject): void {
  const leftOut: Record<string, string> = {};
  for (const peer of PEERS) {
    const why = missingFor(peer);
    if (why === undefined) build(peer);
    else leftOut[peer.name] = why;
  }
  const names = Object.entries(leftOut).map(([name, why]) => `${name}: ${why}`);
  if (names.length > 0) console.warn(`left out of the interop tests\n  ${names.join('\n  ')}`);
  if (names.length > 0 && process.env['CI'] === 'true') {
    throw new Error(`CI has to test every peer; left out: ${names.join('; ')}`);
  }
  project.provide('leftOut', leftOut);
}
