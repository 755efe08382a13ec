import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';
import {
  NRI_PLUGIN_CONNECTION,
  NRI_RUNTIME_CONNECTION,
  NriMux,
} from '../../lib/containerd/nri-mux.js';
import { loadServices, TtrpcClient, TtrpcServer } from '../../lib/engine/index.js';

const catalog = loadServices({
  protoPath: new URL('../../sample/containerd-proto/nri-v1alpha1.proto', import.meta.url).pathname,
});

const API = 'nri.pkg.api.v1alpha1';

/** Who registers. */
export interface Registration {
  readonly pluginName: string;
  readonly pluginIdx: string;
}

export const registerPlugin = catalog.method<Registration, object>(
  `${API}.Runtime`,
  'RegisterPlugin',
);
export const pluginService = catalog.service(`${API}.Plugin`);
export const configure = catalog.method<{ config?: string }, { events: number }>(
  `${API}.Plugin`,
  'Configure',
);

/** One plugin that has connected. */
export interface Connected {
  readonly socket: Socket;
  /** Calls the plugin. */
  readonly plugin: TtrpcClient;
  readonly registrations: Registration[];
}

/** The runtime's side of NRI: what connects to a path. */
export async function startRuntime(
  path: string,
  onRegister: (registration: Registration, connected: Connected) => unknown = () => ({}),
): Promise<{ connected: Connected[]; stop(): Promise<void> }> {
  const connected: Connected[] = [];
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    const mux = new NriMux(socket);
    const runtime = new TtrpcServer();
    const plugin = new TtrpcClient({ stream: mux.open(NRI_PLUGIN_CONNECTION) });
    const each: Connected = { socket, plugin, registrations: [] };
    runtime.addService(catalog.service(`${API}.Runtime`), {
      RegisterPlugin: (registration: Registration) => {
        each.registrations.push(registration);
        return onRegister(registration, each);
      },
    });
    void runtime.serve(mux.open(NRI_RUNTIME_CONNECTION));
    connected.push(each);
  });
  server.listen(path);
  await once(server, 'listening');
  const stop = async (): Promise<void> => {
    if (!server.listening) return;
    for (const { socket } of connected) socket.destroy();
    server.close();
    await once(server, 'close');
  };
  onTestFinished(stop);
  return { connected, stop };
}
