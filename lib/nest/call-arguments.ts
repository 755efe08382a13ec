import type { CallOptions } from '../rpc/call.js';
import { toMetadata, type MetadataInit } from '../spec/metadata.js';

/** A call's arguments, whichever way the caller put them. */
export interface CallArguments {
  /** The request, or the stream of requests. */
  readonly input: unknown;
  readonly options: CallOptions;
}

const NO_OPTIONS: CallOptions = Object.freeze({});

/**
 * Reads `(input)`, `(input, metadata)`, `(input, options)` and `(input, metadata, options)`, as
 * grpc-js's clients have them. Metadata is known by its methods: a plain object is options.
 */
export function readArguments(given: readonly unknown[]): CallArguments {
  const [input, second, third] = given;
  if (second === undefined || second === null) {
    return { input, options: (third as CallOptions | undefined) ?? NO_OPTIONS };
  }
  if (!isMetadata(second)) return { input, options: second };
  const options = (third ?? NO_OPTIONS) as CallOptions;
  if (options.metadata === undefined) return { input, options: { ...options, metadata: second } };
  const metadata = toMetadata(second).clone();
  metadata.merge(toMetadata(options.metadata));
  return { input, options: { ...options, metadata } };
}

function isMetadata(value: unknown): value is MetadataInit {
  return value instanceof Map || typeof (value as { getMap?: unknown }).getMap === 'function';
}
