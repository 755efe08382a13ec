import { connect, type Socket } from 'node:net';

import { DATA, fieldsOf, FrameCutter, REQUEST, RESPONSE, type Frame } from './frames.js';

/**
 * Listens in on our client's socket and notes what it must never do, because peers die of it.
 *
 * It sits between the client and its socket, not behind a second socket: only there is it certain
 * whether a frame was sent before or after another one had arrived.
 */
export class Watch {
  /** What was done against the rules; the rules are those of "Call shapes". */
  readonly violations: string[] = [];
  /** Frames that our client sent. */
  sent = 0;
  #lastId = -1;
  #streams = new Map<number, { flags: number; halfClosed: boolean; ended: boolean }>();

  /** Connects to a socket; what passes through it is watched. One connection after the other. */
  readonly dial = async (path: string): Promise<Socket> => {
    const socket = connect(path);
    await new Promise((resolve, reject) => socket.once('connect', resolve).once('error', reject));
    this.#lastId = -1;
    this.#streams = new Map();
    const [incoming, outgoing] = [new FrameCutter(), new FrameCutter()];
    socket.on('data', (chunk: Buffer) => {
      for (const frame of incoming.cut(chunk)) this.#received(frame);
    });
    // A listener starts the flow; the client, who has none yet, is to start it.
    socket.pause();
    const write = socket.write.bind(socket) as (...args: unknown[]) => boolean;
    socket.write = (chunk: unknown, ...rest: unknown[]): boolean => {
      for (const frame of outgoing.cut(chunk as Buffer)) this.#sending(frame);
      return write(chunk, ...rest);
    };
    return socket;
  };

  #received({ id, type, flags }: Frame): void {
    const stream = this.#streams.get(id);
    if (stream === undefined) return;
    if (type === RESPONSE || (type === DATA && (flags & 1) !== 0)) stream.ended = true;
  }

  #sending(frame: Frame): void {
    this.sent += 1;
    const breaks = frame.type === REQUEST ? this.#request(frame) : this.#other(frame);
    const { id, type, flags, payload } = frame;
    const what = `frame type ${type}, stream ${id}, flags ${flags}, ${payload.length} bytes`;
    for (const rule of breaks) this.violations.push(`${what}: ${rule}`);
  }

  #request({ id, flags, payload }: Frame): string[] {
    const breaks: string[] = [];
    if (id % 2 !== 1) breaks.push('the stream id is even');
    if (id <= this.#lastId) breaks.push(`the stream id is not above ${this.#lastId}`);
    if (![0, 1, 6].includes(flags)) breaks.push('a request has flags 0, 1 or 6');
    const hasPayload = [...fieldsOf(payload)].some(({ number }) => number === 3);
    if (flags === 6 && hasPayload) breaks.push('a remote-open request has no payload');
    this.#lastId = id;
    this.#streams.set(id, { flags, halfClosed: flags !== 6, ended: false });
    return breaks;
  }

  #other({ id, type, flags, payload }: Frame): string[] {
    if (type !== DATA) return ['a client sends requests and data only'];
    const stream = this.#streams.get(id);
    if (stream === undefined) return ['data on a stream that was never opened'];
    const breaks: string[] = [];
    if (stream.flags === 0) breaks.push('data on a unary stream');
    else if (stream.halfClosed) breaks.push('data after the half-close');
    if (stream.ended) breaks.push("data after the stream's final frame had arrived");
    if (flags !== 0) {
      stream.halfClosed = true;
      if (flags !== 5) breaks.push('data has flags 0 or 5');
      if (payload.length > 0) breaks.push('a half-close with a payload');
    }
    return breaks;
  }
}
