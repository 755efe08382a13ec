import protobuf from 'protobufjs';

import { StreamTable } from '../../../lib/protocol/stream-table.js';
import { ServiceRegistry } from '../../../lib/rpc/service-registry.js';
import { MessageType } from '../../../lib/spec/frame.js';
import { FrameDecoder } from '../../../lib/wire/frame-decoder.js';
import { FrameWriter } from '../../../lib/wire/frame-writer.js';
import {
  beginRequestPayload,
  decodeRequest,
  encodeRoute,
  endPayload,
  RequestView,
  writeRequestTail,
} from '../../../lib/wire/request-codec.js';
import { decodeResponse, ResponseView } from '../../../lib/wire/response-codec.js';
import { loadServices } from '../../../lib/engine/index.js';
import { NOTE, PROTO_FILE, SERVICE } from '../peers/peer.js';

/** A hot piece of a call, and the plainer ways to do the same that it was chosen over. */
export interface Piece {
  readonly name: string;
  /** The first is the way that is used. Each function does it once. */
  readonly ways: Readonly<Record<string, () => void>>;
}

const MAX_PAYLOAD_BYTES = 4 * 1024 * 1024;
const HEADER_BYTES = 10;
const BATCH_BYTES = 60_000;

const method = loadServices({ protoPath: PROTO_FILE }).service(SERVICE).methods[0]!;
const { root } = protobuf.parse(`syntax = "proto3";
  message Note { int32 id = 1; string text = 2; }
  message Request { string service = 1; string method = 2; bytes payload = 3; }
  message Response { bytes status = 1; bytes payload = 2; }`);
const Note = root.lookupType('Note');
const Request = root.lookupType('Request');
const Response = root.lookupType('Response');

const note = Buffer.from(Note.encode(Note.create(NOTE)).finish());
const request = Buffer.from(
  Request.encode(Request.create({ service: SERVICE, method: 'Echo', payload: note })).finish(),
);
const response = Buffer.from(Response.encode(Response.create({ payload: note })).finish());

export const PIECES: readonly Piece[] = [
  encodeARequest(),
  cutFrames(),
  readAnEnvelope(),
  readAMessage(),
  findARoute(),
  keepStreams(),
];

/** Header, envelope and message, whose lengths are not known ahead. */
function encodeARequest(): Piece {
  const writer = new FrameWriter(MAX_PAYLOAD_BYTES);
  const route = encodeRoute(SERVICE, 'Echo');
  return {
    name: 'encode a request frame',
    ways: {
      'straight into the batch': () => {
        writer.beginFrame(1, MessageType.Request, 0);
        writer.append(route);
        const begun = beginRequestPayload(writer);
        method.request.write(NOTE, writer);
        endPayload(writer, begun);
        writeRequestTail(writer, 0, undefined);
        writer.endFrame();
        if (writer.pending > BATCH_BYTES) writer.recycle(writer.take()!);
      },
      'message, envelope, header, concat': () => {
        const payload = Note.encode(Note.fromObject(NOTE)).finish();
        const fields = { service: SERVICE, method: 'Echo', payload };
        const envelope = Request.encode(Request.create(fields)).finish();
        const header = Buffer.alloc(HEADER_BYTES);
        header.writeUInt32BE(envelope.length, 0);
        header.writeUInt32BE(1, 4);
        header.writeUInt8(MessageType.Request, 8);
        Buffer.concat([header, envelope]);
      },
    },
  };
}

function cutFrames(): Piece {
  const header = Buffer.alloc(HEADER_BYTES);
  header.writeUInt32BE(response.length, 0);
  header.writeUInt32BE(1, 4);
  header.writeUInt8(MessageType.Response, 8);
  const chunk = Buffer.concat([header, response]);
  let frames = 0;
  const handler = { onFrame: () => void frames++, onOversizedFrame: () => void frames++ };
  const decoder = new FrameDecoder(handler, MAX_PAYLOAD_BYTES);
  let kept = Buffer.alloc(0);
  return {
    name: 'cut a frame out of a chunk',
    ways: {
      'by offsets': () => decoder.push(chunk),
      'concat and subarray': () => {
        kept = Buffer.concat([kept, chunk]);
        const end = HEADER_BYTES + kept.readUInt32BE(0);
        if (kept.subarray(HEADER_BYTES, end).length > 0) frames++;
        kept = kept.subarray(end);
      },
    },
  };
}

function readAnEnvelope(): Piece {
  const view = new ResponseView();
  return {
    name: 'read a response envelope',
    ways: {
      'by offsets': () => decodeResponse(response, 0, response.length, view),
      protobufjs: () => void Response.decode(response),
    },
  };
}

/** What protobufjs reads becomes a plain object either way; only its reader is kept or made anew. */
function readAMessage(): Piece {
  const start = response.length - note.length;
  return {
    name: 'read a message out of a chunk',
    ways: {
      'a range, by one reader': () => void method.response.read(response, start, response.length),
      'a view, by a new reader': () => {
        Note.toObject(Note.decode(response.subarray(start, response.length)));
      },
    },
  };
}

function findARoute(): Piece {
  const registry = new ServiceRegistry();
  registry.add(method, () => undefined);
  const byName = new Map([[`${SERVICE}/Echo`, method]]);
  const view = new RequestView();
  decodeRequest(request, 0, request.length, view);
  return {
    name: 'find the handler of a request',
    ways: {
      'by bytes': () => void registry.find(view),
      'by strings': () => void byName.get(`${view.service}/${view.method}`),
    },
  };
}

/** 64 calls in flight; each holds what a call holds. */
function keepStreams(): Piece {
  const inFlight = 64;
  const table = new StreamTable<{ readonly streamId: number }>();
  const map = new Map<number, object>();
  const call = (streamId: number) => ({
    streamId,
    request: { ...NOTE },
    settled: false,
    resolve: () => undefined,
  });
  let tableId = 1;
  let mapId = 1;
  return {
    name: 'keep the open streams, collecting garbage included',
    ways: {
      StreamTable: () => {
        table.add(call(tableId));
        if (tableId > 2 * inFlight) table.delete(tableId - 2 * inFlight);
        tableId += 2;
      },
      Map: () => {
        map.set(mapId, call(mapId));
        if (mapId > 2 * inFlight) map.delete(mapId - 2 * inFlight);
        mapId += 2;
      },
    },
  };
}
