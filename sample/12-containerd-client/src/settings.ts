import { env } from 'node:process';

const state = env['CONTAINERD_STATE'] ?? '/run/containerd';

/** What the environment says; the defaults are containerd's own. */
export const SETTINGS = {
  /** containerd's `state` folder. */
  state,
  /** containerd's namespace to look at; all of them if it is not given. */
  namespace: env['CONTAINERD_NAMESPACE'],
  /** The daemon's ttrpc socket: its gRPC address and `.ttrpc`. It takes events, and nothing else. */
  events: `unix://${env['CONTAINERD_ADDRESS'] ?? `${state}/containerd.sock`}.ttrpc`,
  /** TCP port of the web page on 127.0.0.1; 0 for any. */
  port: Number(env['PORT'] ?? 8080),
  /** How often tasks are looked for and asked about, in milliseconds. */
  pollMs: Number(env['POLL_MS'] ?? 1000),
} as const;
