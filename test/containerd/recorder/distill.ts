import { readFileSync } from 'node:fs';
import { FrameCutter, REQUEST, RESPONSE, type Frame } from '../../interop/frames.js';
import { muxFramesIn, wholeMuxFrames } from '../../containerd-lib/go-mux-reader.js';
import {
  decodeRequest,
  methodOf,
  requestMeaning,
  responseMeaning,
  type RequestEnvelope,
} from './protocol.js';
import type { Conversation, Said } from './transcript-file.js';

/** What tap.mjs writes. */
interface Piece {
  readonly process: number;
  readonly socket: number;
  readonly direction: 'in' | 'out';
  readonly bytes: string;
}

/** A frame, before anybody knows what it means. */
interface Heard {
  readonly direction: Piece['direction'];
  readonly connection?: number;
  readonly frame: Frame;
}

/**
 * Makes conversations of what tap.mjs has written; sockets that speak something else than
 * containerd's services are left out, and so is what was cut off.
 *
 * @param name - says what a conversation with these calls is called
 */
export function distill(file: string, name: (calls: readonly string[]) => string): Conversation[] {
  const sockets = new Map<string, Piece[]>();
  for (const line of readFileSync(file, 'utf8').split('\n')) {
    if (line === '') continue;
    const piece = JSON.parse(line) as Piece;
    const key = `${piece.process} ${piece.socket}`;
    sockets.set(key, [...(sockets.get(key) ?? []), piece]);
  }
  return [...sockets.values()].flatMap((pieces) => conversationOf(pieces, name) ?? []);
}

function conversationOf(
  pieces: readonly Piece[],
  name: (calls: readonly string[]) => string,
): Conversation | undefined {
  const heard = plainFrames(pieces) ?? muxedFrames(pieces);
  if (heard === undefined) return undefined;
  const said = meanings(heard);
  const calls = said
    .filter(({ frame }) => frame.type === REQUEST)
    .map(({ frame }) => {
      const { service, method } = decodeRequest(frame.payload);
      return `${service}/${method}`;
    });
  return { title: name(calls), ours: roleOf(heard), said };
}

function roleOf(heard: readonly Heard[]): Conversation['ours'] {
  const first = heard[0] as Heard;
  if (first.connection !== undefined) return 'plugin';
  return first.direction === 'out' ? 'client' : 'server';
}

/** The frames of a socket with one ttrpc connection; `undefined` when it is something else. */
function plainFrames(pieces: readonly Piece[]): Heard[] | undefined {
  const cutters = { in: new FrameCutter(), out: new FrameCutter() };
  const heard = pieces.flatMap(({ direction, bytes }) =>
    cutters[direction].cut(Buffer.from(bytes, 'hex')).map((frame) => ({ direction, frame })),
  );
  return isKnown(heard[0]) ? heard : undefined;
}

/** The frames of a socket with NRI's mux; `undefined` when it is something else. */
function muxedFrames(pieces: readonly Piece[]): Heard[] | undefined {
  const rest = { in: Buffer.alloc(0), out: Buffer.alloc(0) };
  const cutters = new Map<string, FrameCutter>();
  const heard: Heard[] = [];
  for (const { direction, bytes } of pieces) {
    const all = Buffer.concat([rest[direction], Buffer.from(bytes, 'hex')]);
    const end = wholeMuxFrames(all);
    rest[direction] = Buffer.from(all.subarray(end));
    for (const { connection, payload } of muxFramesIn(all.subarray(0, end))) {
      const key = `${direction} ${connection}`;
      const cutter = cutters.get(key) ?? new FrameCutter();
      cutters.set(key, cutter);
      for (const frame of cutter.cut(payload)) heard.push({ direction, connection, frame });
    }
  }
  return isKnown(heard[0]) ? heard : undefined;
}

function isKnown(first: Heard | undefined): boolean {
  if (first?.frame.type !== REQUEST) return false;
  try {
    return methodOf(decodeRequest(first.frame.payload)) !== undefined;
  } catch {
    return false;
  }
}

function meanings(heard: readonly Heard[]): Said[] {
  const requests = new Map<string, RequestEnvelope>();
  const said: Said[] = [];
  for (const { direction, connection, frame } of heard) {
    const call = `${connection ?? ''} ${frame.id}`;
    if (frame.type === REQUEST) {
      const request = decodeRequest(frame.payload);
      requests.set(call, request);
      said.push({ from: 'client', connection, frame, meaning: requestMeaning(request) });
      continue;
    }
    const request = requests.get(call);
    if (frame.type !== RESPONSE || request === undefined) {
      throw new Error(`a frame of type ${frame.type} on stream ${frame.id} that came ${direction}`);
    }
    said.push({ from: 'server', connection, frame, meaning: responseMeaning(request, frame) });
  }
  return said;
}
