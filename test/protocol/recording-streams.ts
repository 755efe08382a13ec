import type { ConnectionError, TtrpcError } from '../../lib/errors.js';
import { ClientConnection, ClientStream } from '../../lib/protocol/client-connection.js';
import {
  resolveConnectionOptions,
  type ConnectionOptions,
} from '../../lib/protocol/connection-options.js';
import type { ConnectionSetup } from '../../lib/protocol/connection.js';
import {
  ServerConnection,
  ServerStream,
  type RequestHandler,
} from '../../lib/protocol/server-connection.js';
import type { StreamShape } from '../../lib/protocol/stream-state.js';
import { METHOD_SHAPES, type MethodKind } from '../../lib/spec/method.js';
import type { Status } from '../../lib/spec/status.js';
import type { RequestView } from '../../lib/wire/request-codec.js';
import type { MemoryEnd } from '../support/memory-pair.js';

/** A client's stream that writes down what it brings, and does what the test says. */
export class TestClientStream extends ClientStream {
  readonly events: string[] = [];
  error: TtrpcError | undefined;
  onEvent: () => void = () => {};

  constructor(shape: StreamShape | MethodKind = 'unary') {
    super(typeof shape === 'string' ? METHOD_SHAPES[shape] : shape);
  }

  /** Writes a request that holds `envelope` and nothing else. */
  start(connection: ClientConnection, envelope: Uint8Array = Buffer.alloc(0)): this {
    this.beginRequest(connection).append(envelope);
    this.endRequest(connection);
    return this;
  }

  send(message: Uint8Array): void {
    this.beginMessage().append(message);
    this.endMessage();
  }

  override halfClose(): void {
    super.halfClose();
  }

  override abandon(): void {
    super.abandon();
  }

  get canSend(): boolean {
    return this.sendable;
  }

  get isActive(): boolean {
    return this.active;
  }

  get carrier(): ClientConnection | undefined {
    return this.connection;
  }

  protected override onMessage(bytes: Buffer, start: number, end: number): void {
    this.#add(`message ${bytes.toString('hex', start, end)}`.trimEnd());
  }

  protected override onStatus(status: Status | undefined): void {
    this.#add(status === undefined ? 'ok' : `status ${status.code} ${status.message}`);
  }

  protected override onFailure(error: TtrpcError): void {
    this.error = error;
    this.#add(`failure ${error.message}`);
  }

  #add(event: string): void {
    this.events.push(event);
    this.onEvent();
  }
}

/** A server's stream that writes down what it brings, and does what the test says. */
export class TestServerStream extends ServerStream {
  readonly events: string[] = [];
  error: TtrpcError | undefined;

  send(message: Uint8Array): void {
    this.beginMessage().append(message);
    this.endMessage();
  }

  /** Answers with a response that holds `envelope`. */
  respond(envelope: Uint8Array = Buffer.alloc(0)): void {
    this.beginResponse().append(envelope);
    this.endResponse();
  }

  override sendEnd(): void {
    super.sendEnd();
  }

  override sendStatus(status: Status): void {
    super.sendStatus(status);
  }

  protected override onMessage(bytes: Buffer, start: number, end: number): void {
    this.events.push(`message ${bytes.toString('hex', start, end)}`.trimEnd());
  }

  protected override onHalfClosed(): void {
    this.events.push('half-closed');
  }

  protected override onCutOff(error: TtrpcError): void {
    this.error = error;
    this.events.push(`cut off: ${error.message}`);
  }
}

/** Kinds by the methods that a test names; any other method streams both ways. */
const KINDS: Readonly<Record<string, MethodKind>> = {
  unary: 'unary',
  down: 'serverStreaming',
  up: 'clientStreaming',
};

/** Opens a stream for every request: of the kind that its method names, half-closed unless it streams. */
export class TestHandler implements RequestHandler {
  readonly streams = new Map<number, TestServerStream>();
  readonly requests: string[] = [];
  lastView: RequestView | undefined;

  onRequest(
    connection: ServerConnection,
    streamId: number,
    flags: number,
    view: RequestView,
  ): void {
    const { service, method } = view;
    const payload = view.bytes.toString('hex', view.payloadStart, view.payloadEnd);
    this.requests.push(`${streamId} ${flags} /${service}/${method} ${payload}`.trimEnd());
    this.lastView = view;
    const shape = METHOD_SHAPES[KINDS[method] ?? 'bidirectional'];
    const stream = new TestServerStream(connection, streamId, shape, !shape.requestStream);
    this.streams.set(streamId, stream);
  }

  /** The stream with this id. */
  get(streamId: number): TestServerStream {
    const stream = this.streams.get(streamId);
    if (stream === undefined) throw new Error(`no stream ${streamId}`);
    return stream;
  }
}

function setup(
  sink: MemoryEnd,
  closes: ConnectionError[],
  options: ConnectionOptions,
): ConnectionSetup {
  return {
    sink,
    address: 'memory:test',
    options: resolveConnectionOptions(options),
    onClosed: (error) => void closes.push(error),
  };
}

/** Puts a client's connection at an end; `closes` collects why it closed. */
export function clientAt(
  end: MemoryEnd,
  closes: ConnectionError[] = [],
  { firstStreamId, ...options }: ConnectionOptions & { firstStreamId?: number } = {},
): ClientConnection {
  const connection = new ClientConnection(setup(end, closes, options), firstStreamId);
  end.peer = connection;
  return connection;
}

/** Puts a server's connection at an end. */
export function serverAt(
  end: MemoryEnd,
  handler: RequestHandler,
  closes: ConnectionError[] = [],
  options: ConnectionOptions = {},
): ServerConnection {
  const connection = new ServerConnection(setup(end, closes, options), handler);
  end.peer = connection;
  return connection;
}
