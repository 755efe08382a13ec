// The Nest door: one application serves, another calls through an injected client, and neither
// @grpc/grpc-js nor @grpc/proto-loader is there.
import 'reflect-metadata';
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Controller, Inject, Injectable, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ClientsModule, GrpcMethod, GrpcStreamMethod, RpcException } from '@nestjs/microservices';
import {
  ClientTtrpc,
  ServerTtrpc,
  StatusCode,
  StatusError,
  TtrpcMethod,
  TtrpcStreamMethod,
  TtrpcModule,
} from 'nestjs-ttrpc';
import { StatusError as EngineStatusError } from 'nestjs-ttrpc/engine';
import { firstValueFrom, from, map, range, reduce, scan, toArray, type Observable } from 'rxjs';

// Whatever door an error's class comes through, it is one, and knows its name.
assert.equal(EngineStatusError, StatusError);
assert.equal(StatusError.name, 'StatusError');

interface Numeral {
  value: number;
}

interface Counter {
  double(request: Numeral): Observable<Numeral>;
  countTo(request: Numeral): Observable<Numeral>;
  sum(requests: Observable<Numeral>): Observable<Numeral>;
  runningSum(requests: Observable<Numeral>): Observable<Numeral>;
}

@Controller()
class CounterController {
  @GrpcMethod('Counter')
  double({ value }: Numeral): Numeral {
    if (value < 0) throw new RpcException({ code: StatusCode.OutOfRange, message: 'too small' });
    return { value: value * 2 };
  }

  @TtrpcMethod('Counter')
  countTo({ value }: Numeral): Observable<Numeral> {
    return range(1, value).pipe(map((n) => ({ value: n })));
  }

  @GrpcStreamMethod('Counter')
  sum(requests: Observable<Numeral>): Observable<Numeral> {
    return requests.pipe(
      reduce((sum, { value }) => sum + value, 0),
      map((value) => ({ value })),
    );
  }

  @TtrpcStreamMethod('Counter')
  runningSum(requests: Observable<Numeral>): Observable<Numeral> {
    return requests.pipe(
      scan((sum, { value }) => sum + value, 0),
      map((value) => ({ value })),
    );
  }
}

@Module({ controllers: [CounterController] })
class ServingModule {}

const folder = mkdtempSync(join(tmpdir(), 'counter-'));
const options = {
  url: `unix://${join(folder, 'counter.sock')}`,
  package: 'counter.v1',
  protoPath: fileURLToPath(new URL('../counter.proto', import.meta.url)),
  loader: { defaults: true },
};

@Injectable()
class Calls {
  readonly counters: readonly Counter[];

  constructor(@Inject('COUNTER') client: ClientTtrpc, @Inject('OTHER') other: ClientTtrpc) {
    this.counters = [client.getService<Counter>('Counter'), other.getService<Counter>('Counter')];
  }
}

@Module({
  imports: [
    ClientsModule.register([{ name: 'COUNTER', customClass: ClientTtrpc, options }]),
    TtrpcModule.registerAsync({ name: 'OTHER', useFactory: () => options }),
  ],
  providers: [Calls],
})
class CallingModule {}

const logger = ['error', 'warn'] as const;
const server = await NestFactory.createMicroservice(ServingModule, {
  strategy: new ServerTtrpc(options),
  logger: [...logger],
});
await server.listen();
const app = await NestFactory.createApplicationContext(CallingModule, { logger: [...logger] });
const { counters } = app.get(Calls);

const numbers = from([{ value: 1 }, { value: 2 }, { value: 3 }]);
const values = (results: Observable<Numeral>): Promise<number[]> =>
  firstValueFrom(
    results.pipe(
      map(({ value }) => value),
      toArray(),
    ),
  );

for (const counter of counters) {
  assert.deepEqual(await values(counter.double({ value: 21 })), [42]);
  assert.deepEqual(await values(counter.countTo({ value: 3 })), [1, 2, 3]);
  assert.deepEqual(await values(counter.sum(numbers)), [6]);
  assert.deepEqual(await values(counter.runningSum(numbers)), [1, 3, 6]);
  await assert.rejects(values(counter.double({ value: -1 })), { code: StatusCode.OutOfRange });
}

await app.close();
await server.close();
rmSync(folder, { recursive: true });
