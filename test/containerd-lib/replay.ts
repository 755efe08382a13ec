import type { Duplex } from 'node:stream';
import { isDeepStrictEqual } from 'node:util';
import {
  NRI_PLUGIN_CONNECTION,
  NRI_RUNTIME_CONNECTION,
  NriMux,
} from '../../lib/containerd/nri-mux.js';
import {
  Metadata,
  StatusError,
  TtrpcClient,
  TtrpcServer,
  type CallContext,
} from '../../lib/engine/index.js';
import { createDuplexPair } from '../../lib/testing/duplex-pair.js';
import {
  catalog,
  decodeRequest,
  decodeResponse,
  methodOf,
  requestMeaning,
  responseMeaning,
  type RequestEnvelope,
} from '../containerd/recorder/protocol.js';
import type { Conversation, Said } from '../containerd/recorder/transcript-file.js';
import { turn } from '../engine/harness.js';
import { encodeFrame, FrameCutter, REQUEST, type Frame } from '../interop/frames.js';
import { muxFrame, muxFramesIn, wholeMuxFrames } from './go-mux-reader.js';

/** What our side made of one recorded frame, and what it should be. */
export interface Outcome {
  readonly what: string;
  readonly got: unknown;
  readonly expected: unknown;
}

/** Whether our side did as it did when it was recorded. */
export function isSame({ got, expected }: Outcome): boolean {
  return isDeepStrictEqual(got, expected);
}

/** Fields of a request that are another each time: only whether they are there is compared. */
const VOLATILE = ['timeoutNano'] as const;

/** Turns of the event loop in which bytes go through the pipe in memory and back, and some more. */
const TURNS = 10;

/** A deadline that no replay reaches. */
const TIMEOUT_MS = 60_000;

/**
 * Says again what a real peer has said, frame by frame, and lets our client or server say its part:
 * the engine decodes what it hears and writes the bytes that are compared.
 */
export async function replay(conversation: Conversation): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  const stage = new Stage(conversation.ours);
  try {
    for (const said of conversation.said) {
      outcomes.push(...(await stage.play(said)));
      // What comes behind a difference differs too, or never comes.
      if (!outcomes.every(isSame)) return outcomes;
    }
    outcomes.push({ what: 'nothing more is said', got: await stage.unexpected(), expected: [] });
  } finally {
    await stage.close();
  }
  return outcomes;
}

class Stage {
  readonly #line: PeerLine;
  readonly #server = new TtrpcServer();
  readonly #client: TtrpcClient | undefined;
  readonly #isOurs: (said: Said) => boolean;
  readonly #requests = new Map<string, RequestEnvelope>();
  /** Our handlers that have not answered yet. */
  readonly #handlers = new Map<string, Handler>();
  /** What our calls ended with. */
  readonly #calls = new Map<string, Promise<string>>();
  #onHandler: (handler: Handler) => void = () => undefined;

  constructor(ours: Conversation['ours']) {
    const [near, far] = createDuplexPair();
    const mux = ours === 'plugin' ? new NriMux(near) : undefined;
    this.#line = new PeerLine(far, mux !== undefined);
    this.#serveEverything();
    if (ours !== 'client') void this.#server.serve(mux?.open(NRI_PLUGIN_CONNECTION) ?? near);
    if (ours !== 'server') {
      this.#client = new TtrpcClient({ stream: mux?.open(NRI_RUNTIME_CONNECTION) ?? near });
    }
    this.#isOurs = ({ from, connection }) => {
      const role = {
        [NRI_PLUGIN_CONNECTION]: 'server',
        [NRI_RUNTIME_CONNECTION]: 'client',
      } as const;
      return from === (connection === undefined ? ours : role[connection as 1 | 2]);
    };
  }

  play(said: Said): Promise<Outcome[]> {
    const isRequest = said.frame.type === REQUEST;
    if (isRequest) this.#requests.set(keyOf(said), decodeRequest(said.frame.payload));
    if (this.#isOurs(said)) return isRequest ? this.#call(said) : this.#answer(said);
    return isRequest ? this.#hearRequest(said) : this.#hearResponse(said);
  }

  /** Frames that came without being asked for. */
  async unexpected(): Promise<readonly unknown[]> {
    for (let turns = 0; turns < TURNS; turns++) await turn();
    return this.#line.unread;
  }

  async close(): Promise<void> {
    await this.#client?.close();
    await this.#server.close();
    this.#line.close();
  }

  async #call(said: Said): Promise<Outcome[]> {
    const request = this.#requestOf(said);
    const method = methodOf(request);
    if (method === undefined) throw new Error(`we call ${request.service}/${request.method}`);
    const { payload, timeoutNano } = request;
    const options = {
      metadata: metadataOf(request),
      timeoutMs: timeoutNano > 0 ? TIMEOUT_MS : undefined,
    };
    const message = method.request.read(payload, 0, payload.length);
    const call = (this.#client as TtrpcClient).unary(method, message, options).then(
      (response) => JSON.stringify(response),
      (error: unknown) =>
        error instanceof StatusError ? `${error.code} ${error.details}` : String(error),
    );
    this.#calls.set(keyOf(said), call);
    const got = await this.#line.next(said.connection);
    return [
      { what: 'what we call', got: comparable(got), expected: comparable(said.frame) },
      { what: 'what our call means', got: requestMeaning(request), expected: said.meaning },
    ];
  }

  async #answer(said: Said): Promise<Outcome[]> {
    const request = this.#requestOf(said);
    this.#handlers.get(keyOf(said))?.answer(said.frame, request);
    const got = await this.#line.next(said.connection);
    const meaning = responseMeaning(request, said.frame);
    return [
      { what: 'what we answer', got: columns(got), expected: columns(said.frame) },
      { what: 'what our answer means', got: meaning, expected: said.meaning },
    ];
  }

  async #hearRequest(said: Said): Promise<Outcome[]> {
    const request = this.#requestOf(said);
    const called = new Promise<Handler>((resolve) => (this.#onHandler = resolve));
    this.#line.write(said);
    // The engine answers by itself what there is no handler for.
    if (methodOf(request) === undefined) return [];
    const handler = await called;
    this.#handlers.set(keyOf(said), handler);
    const { service, method } = request;
    return [
      { what: 'what is called', got: handler.fullMethod, expected: `/${service}/${method}` },
      { what: 'what it hears', got: JSON.stringify(handler.message), expected: said.meaning },
    ];
  }

  async #hearResponse(said: Said): Promise<Outcome[]> {
    this.#line.write(said);
    const got = await this.#calls.get(keyOf(said));
    return [{ what: 'what our call gives', got, expected: said.meaning }];
  }

  #requestOf(said: Said): RequestEnvelope {
    const request = this.#requests.get(keyOf(said));
    if (request === undefined) throw new Error(`nobody has asked for stream ${said.frame.id}`);
    return request;
  }

  #serveEverything(): void {
    for (const service of catalog.services) {
      const implementation = Object.fromEntries(
        service.methods.map(({ name }) => [name, this.#handle.bind(this)]),
      );
      this.#server.addService(service, implementation);
    }
  }

  #handle(message: unknown, { method }: CallContext): Promise<unknown> {
    const fullMethod = `/${method.service}/${method.name}`;
    return new Promise((resolve, reject) => {
      const answer = (frame: Frame, request: RequestEnvelope): void => {
        const { status, payload } = decodeResponse(frame.payload);
        if (status !== null && status.code !== 0) reject(new StatusError(status));
        else resolve(methodOf(request)?.response.read(payload, 0, payload.length));
      };
      this.#onHandler({ fullMethod, message, answer });
    });
  }
}

/** A handler that was called and has not answered yet. */
interface Handler {
  readonly fullMethod: string;
  readonly message: unknown;
  /** Answers what the recorded frame says. */
  answer(frame: Frame, request: RequestEnvelope): void;
}

/** The peer's end of the stream, spoken by hand. */
class PeerLine {
  readonly #stream: Duplex;
  readonly #cutters = new Map<number | undefined, FrameCutter>();
  readonly #unread: Heard[] = [];
  #rest = Buffer.alloc(0);
  #onFrame = (): void => undefined;

  constructor(stream: Duplex, isMuxed: boolean) {
    this.#stream = stream;
    stream.on('data', (chunk: Buffer) => {
      if (isMuxed) this.#receiveMuxed(chunk);
      else this.#receive(undefined, chunk);
      this.#onFrame();
    });
  }

  /** What came and was not asked for. */
  get unread(): readonly Heard[] {
    return this.#unread;
  }

  write({ connection, frame }: Said): void {
    const bytes = encodeFrame(frame);
    this.#stream.write(connection === undefined ? bytes : muxFrame(connection, bytes));
  }

  /** The next frame of a connection. */
  async next(connection: number | undefined): Promise<Frame> {
    for (;;) {
      const at = this.#unread.findIndex((heard) => heard.connection === connection);
      if (at >= 0) return (this.#unread.splice(at, 1)[0] as Heard).frame;
      await new Promise<void>((resolve) => (this.#onFrame = resolve));
    }
  }

  close(): void {
    this.#stream.destroy();
  }

  #receiveMuxed(chunk: Buffer): void {
    this.#rest = Buffer.concat([this.#rest, chunk]);
    const end = wholeMuxFrames(this.#rest);
    for (const { connection, payload } of muxFramesIn(this.#rest.subarray(0, end))) {
      this.#receive(connection, payload);
    }
    this.#rest = this.#rest.subarray(end);
  }

  #receive(connection: number | undefined, bytes: Buffer): void {
    const cutter = this.#cutters.get(connection) ?? new FrameCutter();
    this.#cutters.set(connection, cutter);
    for (const frame of cutter.cut(bytes)) this.#unread.push({ connection, frame });
  }
}

interface Heard {
  readonly connection: number | undefined;
  readonly frame: Frame;
}

const keyOf = ({ connection, frame }: Said): string => `${connection ?? ''} ${frame.id}`;

function metadataOf(request: RequestEnvelope): Metadata {
  const metadata = new Metadata();
  for (const { key, value } of request.metadata) metadata.add(key, value);
  return metadata;
}

/** A response has nothing volatile: it is compared byte for byte. */
const columns = (frame: Frame): string => encodeFrame(frame).toString('hex');

/** A request without the values of what is volatile. */
function comparable(frame: Frame): object {
  const envelope: Record<string, unknown> = { ...decodeRequest(frame.payload) };
  for (const name of VOLATILE) envelope[name] = envelope[name] !== 0;
  return { id: frame.id, type: frame.type, flags: frame.flags, ...envelope };
}
