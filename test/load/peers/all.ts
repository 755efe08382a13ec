import type { Config, LoadClient, LoadServer } from './peer.js';

/** Serves, by the peer of the config; each is loaded only when it is needed. */
export async function serve(
  config: Config,
  onBegin: (call: number) => void = () => undefined,
): Promise<LoadServer> {
  if (config.peer === 'nest') return (await import('./nest.js')).serveNest(config, onBegin);
  return (await import('./engine.js')).serveEngine(config, onBegin);
}

/** Makes a client, which connects with its first call. */
export async function connect(config: Config): Promise<LoadClient> {
  if (config.peer === 'nest') return (await import('./nest.js')).connectNest(config);
  return (await import('./engine.js')).connectEngine(config);
}
