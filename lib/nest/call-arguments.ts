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
 *
 * @throws TypeError naming what no option is: metadata in the place of options must not be lost
 */
export function readArguments(given: readonly unknown[]): CallArguments {
  const [input, second, third] = given;
  if (second === undefined || second === null) {
    return { input, options: checked(third ?? NO_OPTIONS) };
  }
  if (!isMetadata(second)) return { input, options: patient(checked(second)) };
  const options = checked(third ?? NO_OPTIONS);
  if (options.metadata === undefined) {
    return { input, options: patient({ ...options, metadata: second }) };
  }
  const metadata = toMetadata(second).clone();
  metadata.merge(toMetadata(options.metadata));
  const { waitForReady } = patient({ ...patient(options), metadata: second });
  return { input, options: { ...options, waitForReady, metadata } };
}

/** grpc-js has `waitForReady` among the options of its metadata. */
function patient(options: CallOptions): CallOptions {
  const { metadata, waitForReady } = options;
  if (waitForReady !== undefined || metadata === undefined) return options;
  const { getOptions } = metadata as { getOptions?: unknown };
  if (typeof getOptions !== 'function') return options;
  const said = getOptions.call(metadata) as { readonly waitForReady?: boolean } | undefined;
  return said?.waitForReady === true ? { ...options, waitForReady: true } : options;
}

function isMetadata(value: unknown): value is MetadataInit {
  return value instanceof Map || typeof (value as { getMap?: unknown }).getMap === 'function';
}

const OPTIONS: ReadonlySet<string> = new Set([
  'timeoutMs',
  'deadline',
  'signal',
  'metadata',
  'waitForReady',
]);

function checked(options: unknown): CallOptions {
  if (typeof options !== 'object') {
    throw new TypeError(`options of a call must be an object, got ${typeof options}`);
  }
  for (const name in options) {
    if (OPTIONS.has(name)) continue;
    const allowed = [...OPTIONS].join(', ');
    throw new TypeError(`a call has no option ${name}: it has ${allowed}, and metadata is one`);
  }
  return options as CallOptions;
}
