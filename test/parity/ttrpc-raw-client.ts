import { loadServices, TtrpcClient } from '../../lib/engine/index.js';
import { Transcript, type RawClient } from './raw-client.js';
import type { Place } from './transports.js';

/** The engine's client of the services of a place. */
export function openTtrpc({ url, protoPath, loader }: Place): RawClient {
  const catalog = loadServices({ protoPath, loader });
  const client = new TtrpcClient({ address: url });
  return {
    close: () => client.close(),
    open: (service, name, { request, ...options } = {}) => {
      const method = catalog.method(service, name);
      const transcript = new Transcript();
      const listener = {
        onMessage: (message: unknown) => transcript.message(message),
        onEnd: () => transcript.end(),
        onError: (error: Error) => transcript.end(error),
        onDrain: () => undefined,
      };
      if (method.kind === 'unary') {
        const call = client.startUnary(method, request, {
          options,
          resolve: (message) => {
            transcript.message(message);
            transcript.end();
          },
          reject: (error) => transcript.end(error),
        });
        return Object.assign(transcript, {
          send: () => undefined,
          endSending: () => undefined,
          cancel: () => call.cancel(),
        });
      }
      const call = client.startStream(method, { options, listener, request });
      return Object.assign(transcript, {
        send: (message: object) => void call.send(message),
        endSending: () => call.endMessages(),
        cancel: () => call.cancel(),
      });
    },
  };
}
