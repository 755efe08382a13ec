import {
  loadServices,
  TtrpcClient,
  TtrpcServer,
  type MethodDefinition,
  type TtrpcStats,
} from '../../../lib/engine/index.js';
import {
  checked,
  chunks,
  counted,
  NOTE,
  PROTO_FILE,
  SERVICE,
  type BenchClient,
  type Burst,
  type Chunk,
  type Done,
  type Note,
  type Peer,
} from './peer.js';

/** The servers and clients of this process. */
const ends: { stats(): TtrpcStats }[] = [];

/** The engine through callbacks: no promise on either side. */
export const engine: Peer = {
  async serve(path) {
    const { echo, pour } = methods();
    const server = new TtrpcServer();
    server.addMethod(echo, (call) => call.reply(call.request));
    server.addService({ name: SERVICE, methods: [pour] }, { pour: pourChunks });
    await listen(server, path);
  },

  async connect(path) {
    return callbackClient(await connected(path));
  },

  openStreams,
};

/** The engine as its users meet it: handlers and calls are asynchronous functions. */
export const enginePromises: Peer = {
  async serve(path) {
    const server = new TtrpcServer();
    const implementation = { echo: async (note: Note) => note, pour: pourChunks };
    server.addService(loadServices({ protoPath: PROTO_FILE }).service(SERVICE), implementation);
    await listen(server, path);
  },

  async connect(path) {
    return promiseClient(await connected(path));
  },

  openStreams,
};

async function listen(server: TtrpcServer, path: string): Promise<void> {
  ends.push(server);
  await server.listen(`unix://${path}`);
}

function openStreams(): number {
  return ends.reduce((sum, end) => sum + end.stats().openStreams, 0);
}

function pourChunks(burst: Burst): Iterable<Chunk> {
  return chunks(burst);
}

async function connected(path: string): Promise<TtrpcClient> {
  const client = new TtrpcClient({ address: `unix://${path}` });
  ends.push(client);
  await client.connect();
  return client;
}

function callbackClient(client: TtrpcClient): BenchClient {
  const { echo, pour } = methods();
  return {
    echo(done: Done) {
      const settings = { resolve: (note: Note) => checked(note, done), reject: done };
      return () => client.startUnary(echo, NOTE, settings);
    },
    pour(burst: Burst, done: Done) {
      return () => {
        let messages = 0;
        const listener = {
          onMessage: () => void messages++,
          onEnd: () => counted(messages, burst, done),
          onError: done,
          onDrain: () => undefined,
        };
        client.startStream(pour, { request: burst, listener });
      };
    },
  };
}

function promiseClient(client: TtrpcClient): BenchClient {
  const { echo, pour } = methods();
  return {
    echo(done: Done) {
      const answered = (note: Note): void => checked(note, done);
      return () => void client.unary(echo, NOTE).then(answered, done);
    },
    pour(burst: Burst, done: Done) {
      const count = async (): Promise<number> => {
        let messages = 0;
        for await (const chunk of client.serverStreaming(pour, burst)) if (chunk) messages++;
        return messages;
      };
      return () => void count().then((messages) => counted(messages, burst, done), done);
    },
  };
}

let loaded: readonly MethodDefinition[] | undefined;

/** Loaded once, however many clients a process has. */
function methods(): {
  echo: MethodDefinition<Note, Note>;
  pour: MethodDefinition<Burst, Chunk>;
} {
  loaded ??= loadServices({ protoPath: PROTO_FILE }).service(SERVICE).methods;
  const [echo, pour] = loaded;
  return {
    echo: echo as MethodDefinition<Note, Note>,
    pour: pour as MethodDefinition<Burst, Chunk>,
  };
}
