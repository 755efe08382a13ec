// CommonJS: every door by require(), and the same classes as import gives.
import assert = require('node:assert/strict');
import nest = require('nestjs-ttrpc');
import engine = require('nestjs-ttrpc/engine');
import testing = require('nestjs-ttrpc/testing');

async function main(): Promise<void> {
  assert.equal(nest.StatusCode.NotFound, 5);
  assert.equal(typeof nest.ServerTtrpc, 'function');
  assert.equal(typeof engine.TtrpcServer, 'function');
  assert.equal(typeof testing.createMemoryTransport, 'function');
  assert.equal(nest.Metadata, engine.Metadata);
  assert.equal((await import('nestjs-ttrpc')).ClientTtrpc, nest.ClientTtrpc);

  const server: engine.TtrpcServer = new engine.TtrpcServer();
  const address = await server.listen('tcp://127.0.0.1:0');
  const client = new engine.TtrpcClient({ address });
  await client.connect();
  await client.close();
  await server.close();
}

void main();
