import { METHOD_SHAPES, type MethodKind } from '../../lib/spec/method.js';

/** A frame, by what it means. */
export interface WireFrame {
  readonly id: number;
  readonly type: 'request' | 'response' | 'data' | 'unknown';
  /** Its payload is above the maximum. */
  readonly oversized?: boolean | undefined;
  /** Its envelope does not decode. */
  readonly bad?: boolean | undefined;
  /** Of a request: the kind of its method. */
  readonly kind?: MethodKind | undefined;
  /** Of data and of a response: the message in it, in hex; absent: none. */
  readonly message?: string | undefined;
  /** Of data: nothing follows. */
  readonly end?: boolean | undefined;
  /** Of a response: code and text; absent: OK. */
  readonly status?: string | undefined;
}

/** What a stream went through on one side, and in what state it is. */
export interface ModelStream {
  readonly id: number;
  readonly kind: MethodKind;
  state: 'open' | 'halfClosed' | 'closed';
  readonly events: string[];
}

/** Streams that the server of the model takes at once. */
export const MAX_OPEN_STREAMS = 3;
/** Largest payload of both sides, in bytes. */
export const MAX_PAYLOAD = 1024;

const TOO_LONG = `message length ${MAX_PAYLOAD + 1} exceed maximum message size of ${MAX_PAYLOAD}`;
const TOO_MANY = `8 too many open streams: the limit is ${MAX_OPEN_STREAMS} on a connection`;
const ONE_RESPONSE = 'failure peer sent a data frame on a call that has one response';
const CUT_ENVELOPE = 'unexpected end of message';

/** One direction of a connection: frames that wait to be written, are in the pipe, wait to be read. */
class ModelPipe {
  waiting: WireFrame[] = [];
  inside: WireFrame[] = [];
  arrived: WireFrame[] = [];
  holding = false;
  paused = false;

  write(frame: WireFrame): void {
    this.waiting.push(frame);
  }

  /** Takes a batch of all that waits, if the pipe is empty; gives what can be read. */
  flow(): WireFrame[] {
    if (this.inside.length === 0) this.inside.push(...this.waiting.splice(0));
    if (!this.holding) this.arrived.push(...this.inside.splice(0), ...this.waiting.splice(0));
    return this.paused ? [] : this.arrived.splice(0);
  }
}

/** The rules of both roles, told once more: on frames with a meaning, with pipes as simple queues. */
export class ConnectionModel {
  readonly toServer = new ModelPipe();
  readonly toClient = new ModelPipe();
  /** By id. */
  readonly calls = new Map<number, ModelStream>();
  readonly served = new Map<number, ModelStream>();
  #nextId = 1;
  #lastId = 0;

  /** The id that the next call gets. */
  get nextId(): number {
    return this.#nextId;
  }

  /** Streams of one side that are not over. */
  static active(streams: ReadonlyMap<number, ModelStream>): ModelStream[] {
    return [...streams.values()].filter(({ state }) => state !== 'closed');
  }

  // What the client does.

  open(kind: MethodKind): void {
    const id = this.#nextId;
    this.#nextId += 2;
    const state = METHOD_SHAPES[kind].requestStream ? 'open' : 'halfClosed';
    this.calls.set(id, { id, kind, state, events: [] });
    this.toServer.write({ id, type: 'request', kind });
  }

  clientSends({ id }: ModelStream, message: string): void {
    this.toServer.write({ id, type: 'data', message });
  }

  halfClose(call: ModelStream): void {
    if (call.state !== 'open') return;
    call.state = 'halfClosed';
    this.toServer.write({ id: call.id, type: 'data', end: true });
  }

  abandon(call: ModelStream): void {
    if (call.state === 'closed') return;
    const { waiting } = this.toServer;
    if (waiting.some(({ id, type }) => id === call.id && type === 'request')) {
      this.toServer.waiting = waiting.filter(({ id }) => id !== call.id);
    } else this.halfClose(call);
    call.state = 'closed';
  }

  // What the server does.

  serverSends({ id }: ModelStream, message: string): void {
    this.toClient.write({ id, type: 'data', message });
  }

  serverEnds(stream: ModelStream): void {
    stream.state = 'closed';
    const { id } = stream;
    if (METHOD_SHAPES[stream.kind].responseStream) {
      this.toClient.write({ id, type: 'data', end: true });
    } else this.toClient.write({ id, type: 'response', message: '' });
  }

  serverFails(stream: ModelStream, status: string): void {
    stream.state = 'closed';
    this.toClient.write({ id: stream.id, type: 'response', status });
  }

  // What arrives.

  /** Moves frames until nothing moves any more. */
  settle(): void {
    for (let moved = true; moved;) {
      const [forServer, forClient] = [this.toServer.flow(), this.toClient.flow()];
      for (const frame of forServer) this.#serve(frame);
      for (const frame of forClient) this.#hear(frame);
      moved = forServer.length + forClient.length > 0;
    }
  }

  #serve(frame: WireFrame): void {
    const { id, type } = frame;
    if (frame.oversized === true) this.#refuse(id, 8, TOO_LONG);
    else if (id % 2 === 0) {
      this.#refuse(id, 3, 'StreamID must be odd for client initiated streams');
    } else if (type === 'request') this.#accept(frame);
    else if (type === 'data') this.#serveData(frame);
  }

  #accept({ id, bad, kind = 'bidirectional' }: WireFrame): void {
    if (id <= this.#lastId) {
      return this.#refuse(id, 3, 'StreamID cannot be re-used and must increment');
    }
    this.#lastId = id;
    if (ConnectionModel.active(this.served).length >= MAX_OPEN_STREAMS) {
      return this.toClient.write({ id, type: 'response', status: TOO_MANY });
    }
    if (bad === true) return this.#refuse(id, 3, `unmarshal request error: ${CUT_ENVELOPE}`);
    const state = METHOD_SHAPES[kind].requestStream ? 'open' : 'halfClosed';
    this.served.set(id, { id, kind, state, events: [] });
  }

  #serveData({ id, message, end }: WireFrame): void {
    const stream = this.served.get(id);
    if (stream === undefined || stream.state === 'closed') {
      return this.#refuse(id, 3, 'StreamID is no longer active');
    }
    const { requestStream, responseStream } = METHOD_SHAPES[stream.kind];
    if (!requestStream && !(message === undefined && responseStream)) {
      return this.#refuse(id, 3, 'data frame on a call that has one request');
    }
    if (message !== undefined) {
      if (stream.state !== 'open') return this.#refuse(id, 3, 'stream is half-closed');
      stream.events.push(`message ${message}`.trimEnd());
    }
    if (end === true && stream.state === 'open') {
      stream.state = 'halfClosed';
      stream.events.push('half-closed');
    }
  }

  /** Answers a broken rule; if the stream is open, that is its end. */
  #refuse(id: number, code: number, text: string): void {
    const stream = this.served.get(id);
    if (stream !== undefined && stream.state !== 'closed') {
      stream.state = 'closed';
      stream.events.push(`cut off: ${text}`);
    }
    this.toClient.write({ id, type: 'response', status: `${code} ${text}` });
  }

  #hear(frame: WireFrame): void {
    const call = this.calls.get(frame.id);
    if (call === undefined || call.state === 'closed' || frame.type === 'unknown') return;
    // A client takes no requests.
    if (frame.type === 'request') return;
    if (frame.oversized === true) this.#breakOff(call, `failure ${TOO_LONG}`, isLast(frame));
    else if (frame.type === 'response') this.#hearResponse(call, frame);
    else this.#hearData(call, frame);
  }

  #hearResponse(call: ModelStream, { bad, message = '', status }: WireFrame): void {
    call.state = 'closed';
    if (bad === true) call.events.push(`failure unmarshal response error: ${CUT_ENVELOPE}`);
    else if (status !== undefined) call.events.push(`status ${status}`);
    else {
      if (message !== '' || !METHOD_SHAPES[call.kind].responseStream) {
        call.events.push(`message ${message}`.trimEnd());
      }
      call.events.push('ok');
    }
  }

  #hearData(call: ModelStream, frame: WireFrame): void {
    const { message } = frame;
    if (!METHOD_SHAPES[call.kind].responseStream) {
      return this.#breakOff(call, ONE_RESPONSE, isLast(frame));
    }
    if (frame.end === true) call.state = 'closed';
    if (message !== undefined) call.events.push(`message ${message}`.trimEnd());
    if (frame.end === true) call.events.push('ok');
  }

  /** @param last - the server has ended the call, so that no half needs to be closed */
  #breakOff(call: ModelStream, event: string, last: boolean): void {
    if (last) call.state = 'closed';
    else this.abandon(call);
    call.events.push(event);
  }
}

function isLast({ type, end }: WireFrame): boolean {
  return type === 'response' || end === true;
}
