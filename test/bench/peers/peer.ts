/** Called once when a call is over. */
export type Done = (error?: unknown) => void;

/**
 * A connection of a peer, as the driver sees it. Each function prepares a call that can be made
 * again and again; what a peer can't do is absent.
 */
export interface BenchClient {
  /** Sends {@link NOTE} and checks the answer. */
  echo(done: Done): () => void;
  /** Sends a message of that size and checks the answer's. */
  lift?(burst: Burst, done: Done): () => void;
  /** Asks for that many messages of that size and counts them. */
  pour?(burst: Burst, done: Done): () => void;
  /** The same, at {@link PACE}. */
  drip?(burst: Burst, done: Done): () => void;
  /** Sends that many messages of that size, of which the server says how many came. */
  gather?(burst: Burst, done: Done): () => void;
  /** Sends that many messages of that size and counts those that come back. */
  ferry?(burst: Burst, done: Done): () => void;
}

/** One implementation of the service in bench.proto, both roles. */
export interface Peer {
  /** Resolves when it listens on the unix socket. */
  serve(path: string): Promise<void>;
  connect(path: string): Promise<BenchClient>;
  /** Calls that are open in this process, by the library's own count. */
  openStreams?(): number;
}

export interface Note {
  id: number;
  text: string;
}

export interface Burst {
  count: number | bigint;
  size: number;
}

export interface Chunk {
  data: Uint8Array;
}

/** The small message: 40 bytes encoded. */
export const NOTE: Readonly<Note> = Object.freeze({
  id: 2026,
  text: 'a message of forty bytes as encoded',
});

/** Says whether an answer is what was sent. */
export function checked(answer: Note, done: Done): void {
  if (answer.id === NOTE.id) done();
  else done(new Error(`the answer has the id ${answer.id}`));
}

/** Says whether a stream brought what was asked for. */
export function counted(messages: number, burst: Burst, done: Done): void {
  if (messages === Number(burst.count)) done();
  else done(new Error(`${messages} messages came instead of ${burst.count}`));
}

/** Says whether an answer is as large as what was sent. */
export function sized({ data }: Chunk, { size }: Burst, done: Done): void {
  if (data.length === size) done();
  else done(new Error(`${data.length} bytes came instead of ${size}`));
}

/** Messages a second of a `Drip`. */
const PACE = 100_000;

/**
 * Sends the messages of a burst at {@link PACE}: each millisecond those that are due.
 *
 * @returns what stops it
 */
export function drip(burst: Burst, send: (chunk: Chunk) => void, end: () => void): () => void {
  const messages = chunks(burst);
  const begin = performance.now();
  let sent = 0;
  const timer = setInterval(() => {
    for (const due = ((performance.now() - begin) * PACE) / 1000; sent < due; sent++) {
      const { value, done } = messages.next();
      if (done === true) {
        clearInterval(timer);
        return end();
      }
      send(value);
    }
  }, 1);
  return () => clearInterval(timer);
}

/**
 * The messages of a burst: one object, since only the sending is measured. A loader may leave a
 * size of 0 out.
 */
export function* chunks({
  count,
  size = 0,
}: Pick<Burst, 'count'> & Partial<Burst>): Generator<Chunk, void> {
  // An int64: whatever the loader makes of one.
  const messages = Number(count);
  const chunk = { data: Buffer.alloc(size, 'x') };
  for (let sent = 0; sent < messages; sent++) yield chunk;
}

/** The definition of the service. Processes run in the folder that has it. */
export const PROTO_FILE = 'bench.proto';
export const PROTO_PACKAGE = 'bench.v1';
export const SERVICE = 'bench.v1.Bench';
