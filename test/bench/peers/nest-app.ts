import 'reflect-metadata';

import { Controller, Module, type Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import {
  GrpcMethod,
  GrpcStreamMethod,
  MessagePattern,
  type MicroserviceOptions,
} from '@nestjs/microservices';
import { from, Observable } from 'rxjs';

import {
  checked,
  chunks,
  counted,
  drip,
  sized,
  type BenchClient,
  type Burst,
  type Chunk,
  type Done,
  type Note,
} from './peer.js';

/** What both gRPC and ttrpc serve. */
@Controller()
export class BenchController {
  @GrpcMethod('Bench', 'Echo')
  echo(note: Note): Note {
    return note;
  }

  @GrpcMethod('Bench', 'Lift')
  lift(chunk: Chunk): Chunk {
    return chunk;
  }

  @GrpcMethod('Bench', 'Drip')
  drip(burst: Burst): Observable<Chunk> {
    return new Observable((subscriber) => {
      const send = (chunk: Chunk): void => subscriber.next(chunk);
      return drip(burst, send, () => subscriber.complete());
    });
  }

  @GrpcStreamMethod('Bench', 'Gather')
  gather(messages: Observable<Chunk>): Observable<Burst> {
    // As a client counts the messages of a server's stream, so that both ways can be compared.
    return new Observable((subscriber) => {
      let count = 0;
      return messages.subscribe({
        next: () => void count++,
        error: (error: unknown) => subscriber.error(error),
        complete: () => {
          subscriber.next({ count, size: 0 });
          subscriber.complete();
        },
      });
    });
  }

  @GrpcStreamMethod('Bench', 'Ferry')
  ferry(messages: Observable<Chunk>): Observable<Chunk> {
    return messages;
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

type Requests = Observable<Chunk> | Iterable<Chunk>;

/** What `getService` gives, of either transport. */
export interface BenchService {
  echo(note: Note, ...rest: unknown[]): Observable<Note>;
  lift(chunk: Chunk, ...rest: unknown[]): Observable<Chunk>;
  pour(burst: Burst, ...rest: unknown[]): Observable<Chunk>;
  drip(burst: Burst, ...rest: unknown[]): Observable<Chunk>;
  gather(messages: Requests, ...rest: unknown[]): Observable<Burst>;
  ferry(messages: Requests, ...rest: unknown[]): Observable<Chunk>;
}

/** How a client is used beyond what both transports have. */
interface Extras {
  /** Given to each call beside its message or messages. */
  readonly rest?: readonly unknown[];
  /** Whether requests are given as an iterable, which is read as fast as the server takes them. */
  readonly iterables?: boolean;
}

/** Calls through Observables. */
export function observableClient(
  service: BenchService,
  note: Note,
  { rest = [], iterables = false }: Extras = {},
): BenchClient {
  const requests = (burst: Burst): Requests => (iterables ? chunks(burst) : from(chunks(burst)));
  return {
    echo(done) {
      const observer = { next: (answer: Note) => checked(answer, done), error: done };
      return () => void service.echo(note, ...rest).subscribe(observer);
    },
    lift(burst, done) {
      const [chunk] = chunks({ ...burst, count: 1 });
      const observer = { next: (answer: Chunk) => sized(answer, burst, done), error: done };
      return () => void service.lift(chunk as Chunk, ...rest).subscribe(observer);
    },
    pour: (burst, done) => () => counts(service.pour(burst, ...rest), burst, done),
    drip: (burst, done) => () => counts(service.drip(burst, ...rest), burst, done),
    gather(burst, done) {
      const next = (answer: Burst): void => counted(Number(answer.count), burst, done);
      return () => void service.gather(requests(burst), ...rest).subscribe({ next, error: done });
    },
    ferry: (burst, done) => () => counts(service.ferry(requests(burst), ...rest), burst, done),
  };
}

function counts(answers: Observable<Chunk>, burst: Burst, done: Done): void {
  let messages = 0;
  answers.subscribe({
    next: () => void messages++,
    complete: () => counted(messages, burst, done),
    error: done,
  });
}
