// The testing door: an application and its client joined in memory, and a client that is a stub.
import 'reflect-metadata';
import assert from 'node:assert/strict';
import { fileURLToPath } from 'node:url';
import { Controller, Injectable, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { GrpcMethod } from '@nestjs/microservices';
import {
  type ClientTtrpc,
  InjectTtrpcClient,
  InjectTtrpcService,
  ServerTtrpc,
  StatusCode,
  TtrpcModule,
  type CallOptions,
} from 'nestjs-ttrpc';
import { createMemoryTransport, stubClient } from 'nestjs-ttrpc/testing';
import { firstValueFrom, type Observable } from 'rxjs';

interface Numeral {
  value: number;
}

interface Counter {
  double(request: Numeral): Observable<Numeral>;
}

interface CounterPromises {
  double(request: Numeral, options?: CallOptions): Promise<Numeral>;
  countTo(request: Numeral): AsyncIterable<Numeral>;
}

const COUNTER = {
  package: 'counter.v1',
  protoPath: fileURLToPath(new URL('../counter.proto', import.meta.url)),
  loader: { defaults: true },
};

@Controller()
class CounterController {
  @GrpcMethod('Counter')
  double({ value }: Numeral): Numeral {
    return { value: value * 2 };
  }
}

@Module({ controllers: [CounterController] })
class ServingModule {}

const { listen, dial } = createMemoryTransport();
const clients = TtrpcModule.register({ ...COUNTER, dial, isGlobal: true });

@Injectable()
class Calls {
  constructor(
    @InjectTtrpcService('counter.v1.Counter') readonly counter: Counter,
    @InjectTtrpcClient() readonly client: ClientTtrpc,
  ) {}
}

@Module({ imports: [clients, TtrpcModule.forFeature(['counter.v1.Counter'])], providers: [Calls] })
class CallingModule {}

const server = await NestFactory.createMicroservice(ServingModule, {
  strategy: new ServerTtrpc({ ...COUNTER, listen }),
  logger: false,
});
await server.listen();
const app = await NestFactory.createApplicationContext(CallingModule, { logger: false });
const { counter, client } = app.get(Calls);

assert.deepEqual(await firstValueFrom(counter.double({ value: 21 })), { value: 42 });
const promises = client.getPromiseService<CounterPromises>('Counter');
assert.deepEqual(await promises.double({ value: 4 }, { timeoutMs: 5000 }), { value: 8 });
await assert.rejects(promises.double({ value: 4 }, { timeoutMs: 0 }), { name: 'RangeError' });
await app.close();
await server.close();

const stub = stubClient(COUNTER, { Counter: { double: ({ value }: Numeral) => ({ value }) } });
const stubbed = stub.getPromiseService<CounterPromises>('Counter');
assert.deepEqual(await stubbed.double({ value: 4 }), { value: 4 });
const unimplemented = { name: 'StatusError', code: StatusCode.Unimplemented };
await assert.rejects(async () => {
  for await (const _ of stubbed.countTo({ value: 1 }));
}, unimplemented);
await stub.close();
