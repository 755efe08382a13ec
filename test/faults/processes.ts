import { transpileLib } from '../transport/transpiled.js';

/** What the engine needs of lib. */
const ROOMS = ['.', 'spec', 'wire', 'protocol', 'rpc', 'transport', 'proto', 'engine'];

/**
 * The beginning of a script for a process of its own, in which `serve(handler)` makes an engine's
 * server of the tests' unary method.
 *
 * @param folder - does not exist yet; gets lib as JavaScript
 */
export function engineScript(folder: string): string {
  const lib = transpileLib(folder, ROOMS);
  return `
    import { TtrpcServer, payloadCodec } from ${JSON.stringify(`${lib}/engine/index.js`)};
    const text = payloadCodec({ encode: (m) => Buffer.from(m), decode: (b) => b.toString() });
    const method = { service: 'test.Text', name: 'Unary', kind: 'unary', request: text, response: text };
    function serve(Unary = (request) => 'echo ' + request) {
      const server = new TtrpcServer();
      server.addService({ name: 'test.Text', methods: [method] }, { Unary });
      return server;
    }
  `;
}
