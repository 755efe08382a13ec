import { withinRange, type ConnectionOptions } from '../protocol/connection-options.js';
import type { ReconnectOptions } from '../engine/client-options.js';
import { show } from '../proto/loader-options.js';
import { MAX_PAYLOAD_LENGTH } from '../spec/frame.js';
import type { CallbackServer } from './callback-service.js';

/**
 * Options that Nest's gRPC transport has under names of its own, so that they may stay where they
 * are. What ttrpc has no counterpart for is named in one warning.
 */
export interface GrpcTransportOptions {
  /** `maxSendPayloadBytes` by gRPC's name; -1, and more than ttrpc's 4 MiB, are 4 MiB. */
  readonly maxSendMessageLength?: number | undefined;
  /** `maxPayloadBytes` by gRPC's name; -1, and more than ttrpc's 4 MiB, are 4 MiB. */
  readonly maxReceiveMessageLength?: number | undefined;
  /** `maxMetadataBytes` by gRPC's name. */
  readonly maxMetadataSize?: number | undefined;
  /**
   * Of grpc-js's channel arguments, the lengths and the metadata size as above and a client's
   * `grpc.initial_reconnect_backoff_ms` and `grpc.max_reconnect_backoff_ms` count; others do not.
   */
  readonly channelOptions?: Readonly<Record<string, unknown>> | undefined;
  /** Insecure ones of grpc-js, which say nothing; others are refused: TLS is the option `tls`. */
  readonly credentials?: object | null | undefined;
  /** Without effect, as ttrpc has no ping frame; TCP's own keep-alive is always on. */
  readonly keepalive?: object | undefined;
  /**
   * Called on a server when it listens, with the package definition and what services of callbacks
   * can be added to, such as those of `grpc-health-check` and `@grpc/reflection`. The .proto files
   * are read by `protoLoader` then, if they are not in `packageDefinition`.
   * @defaultValue protoLoader: `@grpc/proto-loader`, which must be there
   */
  onLoadPackageDefinition?(definition: never, server: CallbackServer): void;
}

/** Options in our own names, and what to warn of. */
export interface TranslatedOptions<Options> {
  readonly options: Options;
  readonly warning: string | undefined;
}

/** Channel arguments, and the option of Nest's that says the same and comes first. */
const LIMITS = {
  'grpc.max_send_message_length': 'maxSendMessageLength',
  'grpc.max_receive_message_length': 'maxReceiveMessageLength',
  'grpc.max_metadata_size': 'maxMetadataSize',
} as const;

const BACKOFFS = {
  'grpc.initial_reconnect_backoff_ms': 'initialMs',
  'grpc.max_reconnect_backoff_ms': 'maxMs',
} as const;

/**
 * Says a server's options in our own names. Where both names of something are given, the smaller
 * limit counts. Nothing of the user's is changed.
 *
 * @param owner - class that the options are for
 * @throws TypeError or RangeError naming the option, what it got and what is allowed
 */
export function translateServerOptions<Options extends GrpcTransportOptions & ConnectionOptions>(
  owner: string,
  given: Options,
): TranslatedOptions<Options> {
  const channel = channelOf(given);
  checkCredentials(given.credentials);
  return {
    options: { ...given, ...limitsOf(given, channel) },
    warning: warningOf(owner, given, unknownOf(channel, LIMITS)),
  };
}

/** Says a client's options in our own names, as {@link translateServerOptions} does. */
export function translateClientOptions<
  Options extends GrpcTransportOptions &
    ConnectionOptions & { readonly reconnect?: ReconnectOptions | undefined },
>(owner: string, given: Options): TranslatedOptions<Options> {
  const channel = channelOf(given);
  const { options } = translateServerOptions(owner, given);
  return {
    options: { ...options, ...backoffOf(given, channel) },
    warning: warningOf(owner, given, unknownOf(channel, { ...LIMITS, ...BACKOFFS })),
  };
}

function channelOf({ channelOptions }: GrpcTransportOptions): Readonly<Record<string, unknown>> {
  if (channelOptions === undefined || channelOptions === null) return {};
  if (typeof channelOptions === 'object') return channelOptions;
  throw new TypeError(`channelOptions must be an object, got ${show(channelOptions)}`);
}

function limitsOf(
  given: GrpcTransportOptions & ConnectionOptions,
  channel: Readonly<Record<string, unknown>>,
): ConnectionOptions {
  const asked = (argument: keyof typeof LIMITS): [name: string, value: unknown] => {
    const name = LIMITS[argument];
    return given[name] === undefined ? [argument, channel[argument]] : [name, given[name]];
  };
  const { maxPayloadBytes, maxSendPayloadBytes = maxPayloadBytes, maxMetadataBytes } = given;
  const receive = messageLength(...asked('grpc.max_receive_message_length'));
  const send = messageLength(...asked('grpc.max_send_message_length'));
  const metadata = metadataSize(...asked('grpc.max_metadata_size'));
  return {
    ...(receive === undefined
      ? {}
      : {
          maxPayloadBytes: Math.min(receive, maxPayloadBytes ?? Infinity),
          maxSendPayloadBytes: maxSendPayloadBytes ?? MAX_PAYLOAD_LENGTH,
        }),
    ...(send === undefined
      ? {}
      : { maxSendPayloadBytes: Math.min(send, maxSendPayloadBytes ?? Infinity) }),
    ...(metadata === undefined
      ? {}
      : { maxMetadataBytes: Math.min(metadata, maxMetadataBytes ?? Infinity) }),
  };
}

/** A smaller limit would not let an error through. */
const MIN_MESSAGE_LENGTH = 1024;

function messageLength(name: string, value: unknown): number | undefined {
  if (value === undefined || value === null) return undefined;
  if (value === -1) return MAX_PAYLOAD_LENGTH;
  const length = withinRange(name, value, MIN_MESSAGE_LENGTH, Number.MAX_SAFE_INTEGER);
  return Math.min(length, MAX_PAYLOAD_LENGTH);
}

function metadataSize(name: string, value: unknown): number | undefined {
  if (value === undefined || value === null) return undefined;
  return withinRange(name, value, 0, 2 ** 31 - 1);
}

/** `reconnect` comes first, option by option. */
function backoffOf(
  { reconnect }: { readonly reconnect?: ReconnectOptions | undefined },
  channel: Readonly<Record<string, unknown>>,
): { reconnect?: ReconnectOptions } {
  const told: Record<string, unknown> = {};
  for (const [argument, option] of Object.entries(BACKOFFS)) {
    if (channel[argument] !== undefined) told[option] = channel[argument];
  }
  return Object.keys(told).length === 0 ? {} : { reconnect: { ...told, ...reconnect } };
}

/**
 * grpc-js's credentials say themselves whether they are secure; it need not be there for that.
 *
 * @throws TypeError when they are, or are none
 */
function checkCredentials(credentials: unknown): void {
  if (credentials === undefined || credentials === null) return;
  const { _isSecure: isSecure } = credentials as { _isSecure?: unknown };
  if (typeof isSecure === 'function' && isSecure.call(credentials) === false) return;
  const got = typeof isSecure === 'function' ? 'secure ones' : show(credentials);
  throw new TypeError(
    `credentials must be insecure ones of grpc-js, or absent, got ${got}; for TLS, ` +
      "give the option `tls` what Node's own tls module takes",
  );
}

function unknownOf(channel: Readonly<Record<string, unknown>>, known: object): string[] {
  return Object.keys(channel).filter((argument) => !Object.hasOwn(known, argument));
}

function warningOf(
  owner: string,
  { keepalive }: GrpcTransportOptions,
  unknown: readonly string[],
): string | undefined {
  const ignored = [
    ...(unknown.length === 0
      ? []
      : [`of channelOptions ${unknown.join(', ')}, as ttrpc has no HTTP/2 channel`]),
    ...(keepalive === undefined ? [] : ['keepalive, as ttrpc has no ping frame']),
  ];
  return ignored.length === 0 ? undefined : `${owner} ignores ${ignored.join('; and ')}`;
}
