import { readFileSync } from 'node:fs';

import type { Usage } from './protocol.js';

/** What this process has used. */
export function usage(): Usage {
  const { user, system } = process.cpuUsage();
  return {
    cpuSeconds: (user + system) / 1e6,
    peakBytes: peakKilobytes() * 1024,
    rssBytes: process.memoryUsage.rss(),
  };
}

/** Linux's `maxRSS` counts what the parent had before the program was loaded; its VmHWM doesn't. */
function peakKilobytes(): number {
  if (process.platform !== 'linux') return process.resourceUsage().maxRSS;
  const line = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8'));
  return line === null ? process.resourceUsage().maxRSS : Number(line[1]);
}
