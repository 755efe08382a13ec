import {
  loadServices,
  TtrpcClient,
  TtrpcServer,
  type MethodDefinition,
  type RawHandler,
  type ResponseListener,
  type TtrpcStats,
} from '../../../lib/engine/index.js';
import {
  checked,
  chunks,
  counted,
  drip,
  NOTE,
  PROTO_FILE,
  SERVICE,
  sized,
  type BenchClient,
  type Burst,
  type Chunk,
  type Done,
  type Note,
  type Peer,
} from './peer.js';

/** The servers and clients of this process. */
const ends: { stats(): TtrpcStats }[] = [];

/** The engine through callbacks; what is sent and may have to wait comes from iterables. */
export const engine: Peer = {
  async serve(path) {
    const { Echo, Lift, Pour, Drip, Gather, Ferry } = methods();
    const server = new TtrpcServer();
    server.addMethod(Echo, (call) => call.reply(call.request as Note));
    server.addMethod(Lift, (call) => call.reply(call.request as Chunk));
    server.addMethod(Drip, (call) => {
      const send = (chunk: Chunk): void => void call.send(chunk);
      call.onStop(drip(call.request as Burst, send, () => call.end()));
    });
    server.addMethod(Gather, countChunks);
    const streams = { pour: pourChunks, ferry: returnChunks };
    server.addService({ name: SERVICE, methods: [Pour, Ferry] }, streams);
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

const countChunks: RawHandler<Chunk, Burst> = (call) => {
  let count = 0;
  call.requests?.consume({
    onMessage: () => void count++,
    onEnd: () => call.reply({ count, size: 0 }),
    onError: (error) => call.fail(error),
  });
};

function returnChunks(messages: AsyncIterable<Chunk>): AsyncIterable<Chunk> {
  return messages;
}

async function connected(path: string): Promise<TtrpcClient> {
  const client = new TtrpcClient({ address: `unix://${path}` });
  ends.push(client);
  await client.connect();
  return client;
}

function callbackClient(client: TtrpcClient): BenchClient {
  const { Echo, Lift, Pour, Drip, Gather, Ferry } = methods();
  const receive = (method: MethodDefinition<Burst, Chunk>) => (burst: Burst, done: Done) => () =>
    void client.startStream(method, { request: burst, listener: counting(burst, done) });
  return {
    echo(done) {
      const settings = { resolve: (note: Note) => checked(note, done), reject: done };
      return () => void client.startUnary(Echo, NOTE, settings);
    },
    lift(burst, done) {
      const [chunk] = chunks({ ...burst, count: 1 });
      const settings = { resolve: (answer: Chunk) => sized(answer, burst, done), reject: done };
      return () => void client.startUnary(Lift, chunk as Chunk, settings);
    },
    pour: receive(Pour),
    drip: receive(Drip),
    gather: (burst, done) => () => {
      const onMessage = ({ count }: Burst): void => counted(Number(count), burst, done);
      sendBurst(client, Gather, burst, { onMessage, onEnd: () => undefined, onError: done });
    },
    ferry: (burst, done) => () => sendBurst(client, Ferry, burst, counting(burst, done)),
  };
}

/** Counts what comes. */
function counting(burst: Burst, done: Done): ResponseListener<Chunk> {
  let messages = 0;
  return {
    onMessage: () => void messages++,
    onEnd: () => counted(messages, burst, done),
    onError: done,
    onDrain: () => undefined,
  };
}

/** Sends a burst as fast as the connection takes it. */
function sendBurst<Response>(
  client: TtrpcClient,
  method: MethodDefinition<Chunk, Response>,
  burst: Burst,
  listener: Omit<ResponseListener<Response>, 'onDrain'>,
): void {
  // Until the call is here, there is nothing to do when the connection says that it has room.
  let onDrain = (): void => undefined;
  const call = client.startStream(method, { listener: { ...listener, onDrain: () => onDrain() } });
  const messages = chunks(burst);
  onDrain = () => {
    let next = messages.next();
    while (next.done !== true) {
      if (!call.send(next.value)) return;
      next = messages.next();
    }
    call.endMessages();
  };
  onDrain();
}

function promiseClient(client: TtrpcClient): BenchClient {
  const { Echo, Pour } = methods();
  return {
    echo(done) {
      const answered = (note: Note): void => checked(note, done);
      return () => void client.unary(Echo, NOTE).then(answered, done);
    },
    pour(burst, done) {
      const count = async (): Promise<number> => {
        let messages = 0;
        for await (const chunk of client.serverStreaming(Pour, burst)) if (chunk) messages++;
        return messages;
      };
      return () => void count().then((messages) => counted(messages, burst, done), done);
    },
  };
}

interface Methods {
  readonly Echo: MethodDefinition<Note, Note>;
  readonly Lift: MethodDefinition<Chunk, Chunk>;
  readonly Pour: MethodDefinition<Burst, Chunk>;
  readonly Drip: MethodDefinition<Burst, Chunk>;
  readonly Gather: MethodDefinition<Chunk, Burst>;
  readonly Ferry: MethodDefinition<Chunk, Chunk>;
}

let loaded: Methods | undefined;

/** Loaded once, however many clients a process has. */
function methods(): Methods {
  const load = (): readonly MethodDefinition[] =>
    loadServices({ protoPath: PROTO_FILE }).service(SERVICE).methods;
  loaded ??= Object.fromEntries(load().map((each) => [each.name, each])) as unknown as Methods;
  return loaded;
}
