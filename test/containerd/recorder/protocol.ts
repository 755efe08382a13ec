import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import protobuf from 'protobufjs';
import {
  loadServices,
  type MethodDefinition,
  type PayloadCodec,
} from '../../../lib/engine/index.js';
import type { Frame } from '../../interop/frames.js';

const folder = fileURLToPath(new URL('../../../sample/containerd-proto/', import.meta.url));
const protoPath = readdirSync(folder)
  .filter((name) => name.endsWith('.proto'))
  .map((name) => `${folder}${name}`);

/** containerd's protocols, with messages that JSON can show, and the names of the .proto files. */
export const catalog = loadServices({
  protoPath,
  loader: { keepCase: true, longs: String, enums: String, bytes: String },
});

/** A method by the names in a request; `undefined` when it is none of containerd's. */
export function methodOf({ service, method }: RequestEnvelope): MethodDefinition | undefined {
  try {
    return catalog.method(service, method);
  } catch {
    return undefined;
  }
}

/** The request's message as JSON; `unknown` for a method that nobody knows. */
export function requestMeaning(request: RequestEnvelope): string {
  return text(methodOf(request)?.request, request.payload);
}

/** What answers the request: `CODE text` if its status is not OK, or the message as JSON. */
export function responseMeaning(request: RequestEnvelope, frame: Frame): string {
  const { status, payload } = decodeResponse(frame.payload);
  if (status !== null && status.code !== 0) return `${status.code} ${status.message}`;
  return text(methodOf(request)?.response, payload);
}

function text(codec: PayloadCodec | undefined, payload: Buffer): string {
  return codec === undefined ? 'unknown' : JSON.stringify(codec.read(payload, 0, payload.length));
}

const { root } = protobuf.parse(`
  syntax = "proto3";
  message Request {
    string service = 1;
    string method = 2;
    bytes payload = 3;
    int64 timeout_nano = 4;
    repeated KeyValue metadata = 5;
  }
  message KeyValue { string key = 1; string value = 2; }
  message Response { Status status = 1; bytes payload = 2; }
  message Status { int32 code = 1; string message = 2; repeated Any details = 3; }
  message Any { string type_url = 1; bytes value = 2; }
`);

/** What a request frame carries. */
export interface RequestEnvelope {
  readonly service: string;
  readonly method: string;
  readonly payload: Buffer;
  readonly timeoutNano: number;
  readonly metadata: readonly { key: string; value: string }[];
}

/** What a response frame carries. */
export interface ResponseEnvelope {
  readonly status: { readonly code: number; readonly message: string } | null;
  readonly payload: Buffer;
}

const AS_OBJECT = { defaults: true, longs: Number, arrays: true };

/** Read by protobufjs, so that transcripts don't trust lib's codec. @throws Error on other bytes */
export function decodeRequest(payload: Buffer): RequestEnvelope {
  const type = root.lookupType('Request');
  return type.toObject(type.decode(payload), AS_OBJECT) as RequestEnvelope;
}

/** @throws Error on bytes that are no response */
export function decodeResponse(payload: Buffer): ResponseEnvelope {
  const type = root.lookupType('Response');
  return type.toObject(type.decode(payload), AS_OBJECT) as ResponseEnvelope;
}
