import {
  credentials,
  loadPackageDefinition,
  Server,
  ServerCredentials,
  type Client,
  type ClientReadableStream,
  type handleServerStreamingCall,
  type handleUnaryCall,
  type ServiceClientConstructor,
} from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';

import {
  checked,
  chunks,
  counted,
  NOTE,
  PROTO_FILE,
  type Burst,
  type Chunk,
  type Done,
  type Note,
  type Peer,
} from './peer.js';

type GrpcClient = Client & {
  echo(note: Note, callback: (error: Error | null, answer: Note) => void): void;
  pour(burst: Burst): ClientReadableStream<Chunk>;
};

const LONGEST_DIAL_MS = 5000;

/** gRPC for Node, without Nest. */
export const grpc: Peer = {
  async serve(path) {
    const echo: handleUnaryCall<Note, Note> = (call, callback) => callback(null, call.request);
    const pour: handleServerStreamingCall<Burst, Chunk> = (call) => {
      const messages = chunks(call.request);
      // Not a `for`, which would end the generator when it is left.
      const send = (): void => {
        let next = messages.next();
        while (next.done !== true) {
          if (!call.write(next.value)) return void call.once('drain', send);
          next = messages.next();
        }
        call.end();
      };
      send();
    };
    const server = new Server();
    server.addService(loadBench().service, { echo, pour });
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
      echo(done: Done) {
        const answered = (error: Error | null, note: Note): void =>
          error === null ? checked(note, done) : done(error);
        return () => client.echo(NOTE, answered);
      },
      pour(burst: Burst, done: Done) {
        return () => {
          let messages = 0;
          const stream = client.pour(burst);
          stream.on('data', () => void messages++);
          stream.on('error', done);
          stream.on('end', () => counted(messages, burst, done));
        };
      },
    };
  },
};

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
