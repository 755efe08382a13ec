// A Nest application over gRPC whose one call goes wrong: see crash.ts. Plain JavaScript, so that it
// runs in a process of its own as it is; hence decorators as functions.
import 'reflect-metadata';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Catch, Controller, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import {
  ClientGrpcProxy,
  GrpcMethod,
  GrpcStreamCall,
  GrpcStreamMethod,
  RpcException,
  Transport,
} from '@nestjs/microservices';
import { NEVER, throwError } from 'rxjs';

const [, , method, how] = process.argv;

const failure = () => new RpcException({ code: 3, message: 'planted failure' });

class Handlers {
  chatRaw(call) {
    this.fail();
    call.end();
  }

  collectRaw(_call, callback) {
    this.fail();
    callback(null, {});
  }

  collect() {
    return NEVER;
  }

  one() {
    throw failure();
  }

  fail() {
    if (how === 'throws') throw failure();
  }
}
Controller()(Handlers);
decorate('chatRaw', GrpcStreamCall('Kinds'));
decorate('collectRaw', GrpcStreamCall('Kinds'));
decorate('collect', GrpcStreamMethod('Kinds'));
decorate('one', GrpcMethod('Kinds'));

class AppModule {}
Module({ controllers: [Handlers] })(AppModule);

const options = {
  url: `unix://${join(tmpdir(), `ttrpc-parity-crash-${process.pid}.sock`)}`,
  package: 'kinds',
  protoPath: join(import.meta.dirname, 'proto/kinds.proto'),
};
const app = await NestFactory.createMicroservice(AppModule, {
  transport: Transport.GRPC,
  options,
  logger: false,
});
if (how === 'denies') {
  app.useGlobalGuards({
    canActivate: () => {
      throw failure();
    },
  });
}
class ThrowingFilter {
  catch() {
    throw new Error('planted failure');
  }
}
Catch()(ThrowingFilter);
if (how === 'filter') app.useGlobalFilters(new ThrowingFilter());
await app.listen();
const client = new ClientGrpcProxy(options);
const requests = how === 'upstream' ? throwError(failure) : how === 'filter' ? {} : NEVER;
console.error('calling');
const call = client.getService('Kinds')[method];
call(requests).subscribe({ complete: () => process.exit(0), error: () => process.exit(3) });
setTimeout(() => process.exit(4), 8000);

function decorate(name, decorator) {
  const descriptor = Object.getOwnPropertyDescriptor(Handlers.prototype, name);
  decorator(Handlers.prototype, name, descriptor);
  Object.defineProperty(Handlers.prototype, name, descriptor);
}
