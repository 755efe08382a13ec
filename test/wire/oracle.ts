import protobuf from 'protobufjs';

/** The envelopes as another implementation reads and writes them. */
const { root } = protobuf.parse(
  `
  syntax = "proto3";
  package ttrpc;
  message Request {
    string service = 1; string method = 2; bytes payload = 3; int64 timeout_nano = 4;
    repeated KeyValue metadata = 5;
  }
  message Response { Status status = 1; bytes payload = 2; }
  message KeyValue { string key = 1; string value = 2; }
  message Status { int32 code = 1; string message = 2; repeated Any details = 3; }
  message Any { string type_url = 1; bytes value = 2; }
  `,
  { keepCase: false },
);

interface OracleType<T> {
  encode(message: T): Buffer;
  decode(bytes: Uint8Array): T;
}

function oracle<T>(name: string): OracleType<T> {
  const type = root.lookupType(name);
  return {
    encode: (message) => Buffer.from(type.encode(type.fromObject(message as object)).finish()),
    decode: (bytes) =>
      type.toObject(type.decode(bytes), { defaults: true, bytes: Buffer, longs: Number }) as T,
  };
}

export interface OracleRequest {
  service: string;
  method: string;
  payload: Buffer;
  timeoutNano: number;
  metadata: { key: string; value: string }[];
}

export interface OracleResponse {
  status: { code: number; message: string; details: { typeUrl: string; value: Buffer }[] } | null;
  payload: Buffer;
}

export const oracleRequest = oracle<OracleRequest>('ttrpc.Request');
export const oracleResponse = oracle<OracleResponse>('ttrpc.Response');
