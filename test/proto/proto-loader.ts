import Module, { createRequire } from 'node:module';
import type * as ProtoLoader from '@grpc/proto-loader';

const require = createRequire(import.meta.url);

/** Node's own resolution, which has no public hook for synchronous `require` on Node 20. */
const resolution = Module as unknown as {
  _resolveFilename(request: string, parent: { filename: string }, ...rest: unknown[]): string;
};

/**
 * proto-loader on the protobufjs that it brings along.
 *
 * A test file takes one or the other: Node keeps what it resolved.
 */
export function protoLoaderAsInstalled(): typeof ProtoLoader {
  return require('@grpc/proto-loader') as typeof ProtoLoader;
}

/**
 * proto-loader on the protobufjs under test, so that versions of protobufjs are not what is compared.
 *
 * It adds definitions to protobufjs's `common` table: don't use it where these matter.
 */
export function protoLoaderOnOurProtobufjs(): typeof ProtoLoader {
  const original = resolution._resolveFilename;
  resolution._resolveFilename = (request, parent, ...rest) =>
    /^protobufjs(\/|$)/.test(request) && /@grpc.proto-loader/.test(parent.filename)
      ? require.resolve(request)
      : original.call(Module, request, parent, ...rest);
  try {
    return require('@grpc/proto-loader') as typeof ProtoLoader;
  } finally {
    resolution._resolveFilename = original;
  }
}
