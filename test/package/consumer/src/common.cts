// CommonJS: every door by require(), the same classes as import gives, and a Nest application that
// serves and calls. What the doors refuse is told apart by its kind.
require('reflect-metadata');
import assert = require('node:assert/strict');
import common = require('@nestjs/common');
import core = require('@nestjs/core');
import microservices = require('@nestjs/microservices');
import nest = require('nestjs-ttrpc');
import engine = require('nestjs-ttrpc/engine');
import testing = require('nestjs-ttrpc/testing');
import path = require('node:path');

interface Numeral {
  value: number;
}

interface Counter {
  double(request: Numeral): Promise<Numeral>;
  countTo(request: Numeral): AsyncIterable<Numeral>;
}

const COUNTER = {
  package: 'counter.v1',
  protoPath: path.join(__dirname, '../counter.proto'),
  loader: { defaults: true },
};

@common.Controller()
class CounterController {
  @microservices.GrpcMethod('Counter')
  double({ value }: Numeral): Numeral {
    if (value < 0) throw new nest.TtrpcException({ code: 'OUT_OF_RANGE', message: 'too small' });
    return { value: value * 2 };
  }

  @nest.TtrpcMethod('Counter')
  async *countTo({ value }: Numeral): AsyncGenerator<Numeral> {
    for (let n = 1; n <= value; n += 1) yield { value: n };
  }
}

@common.Module({ controllers: [CounterController] })
class ServingModule {}

async function serveAndCall(): Promise<void> {
  const { listen, dial } = testing.createMemoryTransport();
  const server = await core.NestFactory.createMicroservice<microservices.CustomStrategy>(
    ServingModule,
    { strategy: new nest.ServerTtrpc({ ...COUNTER, listen }), logger: false },
  );
  await server.listen();
  const client = new nest.ClientTtrpc({ ...COUNTER, dial });
  const counter = client.getPromiseService<Counter>('Counter');

  assert.deepEqual(await counter.double({ value: 21 }), { value: 42 });
  const values: number[] = [];
  for await (const { value } of counter.countTo({ value: 3 })) values.push(value);
  assert.deepEqual(values, [1, 2, 3]);
  const refusal = { name: 'StatusError', kind: 'ttrpc.status', code: nest.StatusCode.OutOfRange };
  await assert.rejects(counter.double({ value: -1 }), refusal);
  await client.close();
  await server.close();

  const nowhere = new engine.TtrpcClient({ address: 'unix:///no/such.sock' });
  const lost = { name: 'ConnectionError', kind: 'ttrpc.connection' };
  await assert.rejects(nowhere.connect(), lost);
  await nowhere.close();
  const missing = { name: 'DefinitionError', kind: 'ttrpc.definition' };
  assert.throws(() => engine.loadServices({ protoPath: '/no/such.proto' }), missing);
}

async function main(): Promise<void> {
  assert.equal(nest.Metadata, engine.Metadata);
  assert.equal((await import('nestjs-ttrpc')).ClientTtrpc, nest.ClientTtrpc);
  await serveAndCall();
}

void main();
