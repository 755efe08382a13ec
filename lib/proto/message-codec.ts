import protobuf from 'protobufjs';
import type { PayloadCodec } from '../rpc/payload-codec.js';
import { show } from './loader-options.js';
import { readMessage } from './payload-reader.js';
import { writeMessage } from './payload-writer.js';

/**
 * The codec of a message type: plain objects in and out, as `@grpc/proto-loader` gives them under
 * the same options, so that a controller sees what Nest's gRPC transport would show it.
 *
 * Conversions go through protobufjs's own `fromObject` and `toObject`, which honour the custom
 * `protobuf.wrappers` that generated code installs. `undefined` and `null` are the empty message.
 *
 * @param type - resolved; its code is generated on first use
 * @param conversion - how decoded messages look; `ResolvedLoaderOptions.conversion`
 */
export function messageCodec(
  type: protobuf.Type,
  conversion: Readonly<protobuf.IConversionOptions>,
): PayloadCodec {
  return {
    write: (message, target) => writeMessage(type, toMessage(type, message), target),
    read: (bytes, start, end) => type.toObject(readMessage(type, bytes, start, end), conversion),
  };
}

/**
 * @throws TypeError when `given` can't be a message
 */
function toMessage(type: protobuf.Type, given: unknown): protobuf.Message {
  if (given === undefined || given === null) return type.create();
  const plain = typeof given === 'object' && !Array.isArray(given);
  // A custom wrapper may take anything: a list for google.protobuf.ListValue.
  if (plain || type.fullName in protobuf.wrappers) {
    return type.fromObject(given);
  }
  throw new TypeError(`message of ${type.fullName.slice(1)} must be an object, got ${show(given)}`);
}
