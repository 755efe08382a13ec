import 'reflect-metadata';

import { Controller, Module, type Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { GrpcMethod, MessagePattern, type MicroserviceOptions } from '@nestjs/microservices';
import { from, type Observable } from 'rxjs';

import {
  checked,
  chunks,
  counted,
  type BenchClient,
  type Burst,
  type Chunk,
  type Done,
  type Note,
} from './peer.js';

/** The unary call of both gRPC and ttrpc. */
@Controller()
export class EchoController {
  @GrpcMethod('Bench', 'Echo')
  echo(note: Note): Note {
    return note;
  }
}

/** The same where calls have patterns instead of names. */
@Controller()
export class PatternController {
  @MessagePattern('echo')
  echo(note: Note): Note {
    return note;
  }
}

/** As Nest's gRPC transport wants it. */
@Controller()
export class PourController {
  @GrpcMethod('Bench', 'Pour')
  pour(burst: Burst): Observable<Chunk> {
    return from(chunks(burst));
  }
}

/** The same with backpressure: ttrpc takes iterables too. */
@Controller()
export class IterableController {
  @GrpcMethod('Bench', 'Pour')
  pour(burst: Burst): Iterable<Chunk> {
    return chunks(burst);
  }
}

/** Starts a microservice of nothing but controllers. */
export async function serveNest(options: MicroserviceOptions, controllers: Type[]): Promise<void> {
  class BenchModule {}
  Module({ controllers })(BenchModule);
  const app = await NestFactory.createMicroservice<MicroserviceOptions>(BenchModule, {
    ...options,
    logger: ['error', 'warn'],
  });
  await app.listen();
}

/** What `getService` gives, of either transport. */
export interface BenchService {
  echo(note: Note, ...rest: unknown[]): Observable<Note>;
  pour(burst: Burst): Observable<Chunk>;
}

/** Calls through Observables; `rest` is given to each unary call beside its message. */
export function observableClient(
  service: BenchService,
  note: Note,
  rest: readonly unknown[] = [],
): BenchClient {
  return {
    echo(done: Done) {
      const observer = { next: (answer: Note) => checked(answer, done), error: done };
      return () => void service.echo(note, ...rest).subscribe(observer);
    },
    pour(burst: Burst, done: Done) {
      return () => {
        let messages = 0;
        service.pour(burst).subscribe({
          next: () => void messages++,
          complete: () => counted(messages, burst, done),
          error: done,
        });
      };
    },
  };
}
