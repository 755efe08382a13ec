import type { Readable, Writable } from 'node:stream';

import {
  credentials,
  loadPackageDefinition,
  Server,
  ServerCredentials,
  type Client,
  type ClientDuplexStream,
  type ClientReadableStream,
  type ClientWritableStream,
  type handleBidiStreamingCall,
  type handleClientStreamingCall,
  type handleServerStreamingCall,
  type handleUnaryCall,
  type ServiceClientConstructor,
} from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';

import {
  checked,
  chunks,
  counted,
  drip,
  NOTE,
  PROTO_FILE,
  sized,
  type Burst,
  type Chunk,
  type Done,
  type Note,
  type Peer,
} from './peer.js';

type GrpcClient = Client & {
  echo(note: Note, callback: (error: Error | null, answer: Note) => void): void;
  lift(chunk: Chunk, callback: (error: Error | null, answer: Chunk) => void): void;
  pour(burst: Burst): ClientReadableStream<Chunk>;
  drip(burst: Burst): ClientReadableStream<Chunk>;
  gather(callback: (error: Error | null, answer: Burst) => void): ClientWritableStream<Chunk>;
  ferry(): ClientDuplexStream<Chunk, Chunk>;
};

const LONGEST_DIAL_MS = 5000;

/** gRPC for Node, without Nest. */
export const grpc: Peer = {
  async serve(path) {
    const echo: handleUnaryCall<Note, Note> = (call, callback) => callback(null, call.request);
    const pour: handleServerStreamingCall<Burst, Chunk> = (call) =>
      sendBurst(chunks(call.request), call);
    const lift: handleUnaryCall<Chunk, Chunk> = (call, callback) => callback(null, call.request);
    const dripped: handleServerStreamingCall<Burst, Chunk> = (call) => {
      const send = (chunk: Chunk): void => void call.write(chunk);
      call.on(
        'cancelled',
        drip(call.request, send, () => call.end()),
      );
    };
    const gather: handleClientStreamingCall<Chunk, Burst> = (call, callback) => {
      let count = 0;
      call.on('data', () => void count++);
      call.on('end', () => callback(null, { count, size: 0 }));
    };
    const ferry: handleBidiStreamingCall<Chunk, Chunk> = (call) => {
      const answers: Writable = call;
      call.pipe(answers);
    };
    const server = new Server();
    server.addService(loadBench().service, { echo, lift, pour, drip: dripped, gather, ferry });
    await new Promise<void>((resolve, reject) => {
      const bound = (error: Error | null): void => (error === null ? resolve() : reject(error));
      server.bindAsync(`unix://${path}`, ServerCredentials.createInsecure(), bound);
    });
  },

  async connect(path) {
    const Bench = loadBench();
    const client = new Bench(`unix://${path}`, credentials.createInsecure(), {
      // Otherwise all clients of a process share one connection.
      'grpc.use_local_subchannel_pool': 1,
    }) as unknown as GrpcClient;
    await new Promise<void>((resolve, reject) => {
      const ready = (error?: Error): void => (error === undefined ? resolve() : reject(error));
      client.waitForReady(Date.now() + LONGEST_DIAL_MS, ready);
    });
    return {
      echo(done) {
        const answered = (error: Error | null, note: Note): void =>
          error === null ? checked(note, done) : done(error);
        return () => client.echo(NOTE, answered);
      },
      lift(burst, done) {
        const [chunk] = chunks({ ...burst, count: 1 });
        const answered = (error: Error | null, answer: Chunk): void =>
          error === null ? sized(answer, burst, done) : done(error);
        return () => client.lift(chunk as Chunk, answered);
      },
      pour: (burst, done) => () => counts(client.pour(burst), burst, done),
      drip: (burst, done) => () => counts(client.drip(burst), burst, done),
      gather(burst, done) {
        const answered = (error: Error | null, { count }: Burst): void =>
          error === null ? counted(Number(count), burst, done) : done(error);
        return () => sendBurst(chunks(burst), client.gather(answered));
      },
      ferry: (burst, done) => () => {
        const call = client.ferry();
        counts(call, burst, done);
        sendBurst(chunks(burst), call);
      },
    };
  },
};

/** Sends as fast as the stream takes it. */
function sendBurst(messages: Generator<Chunk, void>, stream: Writable): void {
  // Not a `for`, which would end the generator when it is left.
  let next = messages.next();
  while (next.done !== true) {
    if (!stream.write(next.value)) {
      stream.once('drain', () => sendBurst(messages, stream));
      return;
    }
    next = messages.next();
  }
  stream.end();
}

function counts(stream: Readable, burst: Burst, done: Done): void {
  let messages = 0;
  stream.on('data', () => void messages++);
  stream.on('error', done);
  stream.on('end', () => counted(messages, burst, done));
}

let loaded: ServiceClientConstructor | undefined;

/** Loaded once, however many clients a process has. */
function loadBench(): ServiceClientConstructor {
  loaded ??= load();
  return loaded;
}

function load(): ServiceClientConstructor {
  const { bench } = loadPackageDefinition(loadSync(PROTO_FILE)) as unknown as {
    bench: { v1: { Bench: ServiceClientConstructor } };
  };
  return bench.v1.Bench;
}
