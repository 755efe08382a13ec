import { describe, expect, it } from 'vitest';
import { TtrpcServer, TtrpcClient } from '../../lib/engine/index.js';
import { ClientTtrpc, healthService } from '../../lib/index.js';
import { createMemoryTransport } from '../../lib/testing/index.js';

describe('healthService', () => {
  it('serves an engine and its client, and a client of Nest, without a .proto file', async () => {
    const health = healthService();
    const server = new TtrpcServer();
    server.addService(health, {
      check: ({ service }) => ({ status: service === '' ? 'SERVING' : 'UNKNOWN' }),
      async *watch() {
        yield { status: 'NOT_SERVING' };
      },
    });
    const { listen, dial } = createMemoryTransport();
    await server.listen(listen);
    const engine = new TtrpcClient({ dial });
    const nest = new ClientTtrpc({ dial, services: [health] });
    try {
      expect(await engine.unary(health.method.check, {})).toEqual({ status: 'SERVING' });
      const watched = [];
      for await (const { status } of engine.serverStreaming(health.method.watch, {})) {
        watched.push(status);
      }
      expect(watched).toEqual(['NOT_SERVING']);
      const service = nest.getPromiseService<{ check(request: object): Promise<object> }>('Health');
      expect(await service.check({ service: 'a' })).toEqual({ status: 'UNKNOWN' });
    } finally {
      await Promise.all([engine.close(), nest.close()]);
      await server.close();
    }
  });
});
