import type { TestProject } from 'vitest/node';

import { buildNriPeer } from './nri-peer.js';
import { buildNewest, findProgram, INSTALLATIONS, whyNot } from './programs.js';
import { buildSamples } from './sample.js';

declare module 'vitest' {
  interface ProvidedContext {
    /** Why tests are left out, by what they need: an installation's name, or `go` or `browser`. */
    leftOut: Readonly<Record<string, string>>;
  }
}

/** What drives the browser. */
const BROWSER = ['chromium', 'chromedriver'];

/** Builds what the tests run; in CI nothing may be missing. */
export function setup(project: TestProject): void {
  const leftOut: Record<string, string> = {};
  if (findProgram('go') === undefined) leftOut['go'] = 'there is no go here';
  else {
    buildNewest();
    buildNriPeer();
  }
  for (const installation of INSTALLATIONS) {
    const why = whyNot(installation);
    if (why !== undefined) leftOut[installation.name] = why;
  }
  const missing = BROWSER.filter((program) => findProgram(program) === undefined);
  if (missing.length > 0) leftOut['browser'] = `there is no ${missing.join(', ')} here`;
  buildSamples();

  const reasons = Object.entries(leftOut).map(([name, why]) => `${name}: ${why}`);
  if (reasons.length > 0) {
    console.warn(`left out of the tests against containerd\n  ${reasons.join('\n  ')}`);
    if (process.env['CI'] === 'true') throw new Error(`CI has to run all; ${reasons.join('; ')}`);
  }
  project.provide('leftOut', leftOut);
}
