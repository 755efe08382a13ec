/** Called once when a call is over. */
export type Done = (error?: unknown) => void;

/** A connection of a peer, as the driver sees it. Each function prepares a call that can be made again and again. */
export interface BenchClient {
  /** Sends {@link NOTE} and checks the answer. */
  echo(done: Done): () => void;
  /** Asks for that many messages of that size and counts them; absent if it has no streams. */
  pour?(burst: Burst, done: Done): () => void;
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

/** The messages of a burst: one object, since only the sending is measured. */
export function* chunks({ count, size }: Burst): Generator<Chunk, void> {
  // An int64: whatever the loader makes of one.
  const messages = Number(count);
  const chunk = { data: Buffer.alloc(size, 'x') };
  for (let sent = 0; sent < messages; sent++) yield chunk;
}

/** The definition of the service. Processes run in the folder that has it. */
export const PROTO_FILE = 'bench.proto';
export const PROTO_PACKAGE = 'bench.v1';
export const SERVICE = 'bench.v1.Bench';
