import { fileURLToPath } from 'node:url';
import protobuf from 'protobufjs';
import { resolveLoaderOptions, type LoaderOptions } from '../../lib/proto/loader-options.js';
import { messageCodec } from '../../lib/proto/message-codec.js';
import { readProtoFiles } from '../../lib/proto/proto-files.js';
import type { PayloadCodec, PayloadTarget } from '../../lib/rpc/payload-codec.js';

/** A target of a few bytes, so that writers must grow it. */
export function messageTarget(before: Uint8Array = Buffer.alloc(0), room = 0): PayloadTarget {
  const buffer = Buffer.alloc(before.length + room, 0xee);
  buffer.set(before);
  return {
    buffer,
    length: before.length,
    append(bytes) {
      this.buffer = Buffer.concat([this.buffer.subarray(0, this.length), bytes]);
      this.length = this.buffer.length;
    },
  };
}

/** The bytes that a codec writes. */
export function encoded(codec: PayloadCodec, message: unknown): Buffer {
  const target = messageTarget();
  codec.write(message, target);
  return Buffer.from(target.buffer.subarray(0, target.length));
}

/** What a codec reads from the middle of a chunk whose other bytes are wrong for every message. */
export function decoded(codec: PayloadCodec, bytes: Uint8Array): unknown {
  const chunk = Buffer.concat([Buffer.alloc(3, 0xff), bytes, Buffer.alloc(20, 0xff)]);
  const message = codec.read(chunk, 3, 3 + bytes.length);
  chunk.fill(0xdd);
  return message;
}

/** Bytes from hex in columns. */
export function hex(columns: string): Buffer {
  return Buffer.from(columns.replaceAll(/\s/g, ''), 'hex');
}

/** A .proto with every kind of field. */
export const EVERYTHING = fileURLToPath(new URL('fixtures/everything.proto', import.meta.url));

/** The codec of a message type of a .proto file. */
export function codecOf(
  typeName: string,
  loader: LoaderOptions = {},
  file = EVERYTHING,
): PayloadCodec {
  const options = resolveLoaderOptions(loader);
  const root = readProtoFiles([file], options);
  root.resolveAll();
  return messageCodec(root.lookupType(typeName), options.conversion);
}

/** Codecs of the types of a proto3 source. */
export function parsed(source: string): (typeName: string, loader?: LoaderOptions) => PayloadCodec {
  const { root } = protobuf.parse(`syntax = "proto3"; ${source}`);
  root.resolveAll();
  return (typeName, loader) =>
    messageCodec(root.lookupType(typeName), resolveLoaderOptions(loader).conversion);
}
