import { CONNECTION_DEFAULTS } from '../protocol/connection-options.js';
import { nearestNames } from '../proto/nearest-names.js';

const DEFINITION_OPTIONS = [
  'package',
  'protoPath',
  'packageDefinition',
  'root',
  'descriptorSet',
  'services',
  'loader',
  'protoLoader',
  'onLoadPackageDefinition',
] as const;

const CONNECTION_OPTIONS = Object.keys(CONNECTION_DEFAULTS);

/** Of Nest's gRPC transport; see `grpc-options.ts`. */
const GRPC_OPTIONS = [
  'maxSendMessageLength',
  'maxReceiveMessageLength',
  'maxMetadataSize',
  'channelOptions',
  'credentials',
  'keepalive',
] as const;

/** Names of the options of `ServerTtrpc`. */
export const SERVER_OPTIONS = [
  'url',
  'listen',
  ...DEFINITION_OPTIONS,
  'gracefulShutdown',
  'graceMs',
  'strict',
  ...CONNECTION_OPTIONS,
  ...GRPC_OPTIONS,
  'maxConnections',
  'handshake',
  'handshakeTimeoutMs',
  'idleTimeoutMs',
  'socketMode',
  'socketOwner',
  'tls',
  'allowAnonymousRemote',
  'exposeErrorMessages',
  'onError',
  'onConnect',
  'onClose',
] as const;

/** Names of the options of `ClientTtrpc`. */
export const CLIENT_OPTIONS = [
  'url',
  'dial',
  'stream',
  ...DEFINITION_OPTIONS,
  ...CONNECTION_OPTIONS,
  ...GRPC_OPTIONS,
  'gracefulShutdown',
  'tls',
  'connectTimeoutMs',
  'timeoutMs',
  'reconnect',
  'waitForReady',
  'interceptors',
  'onConnect',
  'onClose',
  'onStateChange',
] as const;

/** Options whose type nobody else looks at before it is too late to say so. */
const TYPES: Readonly<Record<string, 'boolean' | 'function'>> = {
  gracefulShutdown: 'boolean',
  strict: 'boolean',
  listen: 'function',
  exposeErrorMessages: 'boolean',
  onError: 'function',
  onConnect: 'function',
  onClose: 'function',
  onStateChange: 'function',
  onLoadPackageDefinition: 'function',
};

/**
 * Refuses what is no object and options that nobody reads: a misspelt one must not be lost. The
 * engine checks numbers.
 *
 * @param owner - class that the options are for
 * @throws TypeError naming the option and what was meant, or what there is
 */
export function checkOptions(owner: string, options: unknown, allowed: readonly string[]): void {
  if (typeof options !== 'object' || options === null) {
    throw new TypeError(`${owner} needs an object of options, got ${String(options)}`);
  }
  for (const [name, value] of Object.entries(options)) {
    if (value === undefined) continue;
    if (!allowed.includes(name)) {
      throw new TypeError(`${owner} has no option ${name}; ${advice(name, allowed)}`);
    }
    const type = TYPES[name];
    if (type !== undefined && typeof value !== type) {
      throw new TypeError(`${name} must be a ${type}, got ${typeof value}`);
    }
  }
}

function advice(name: string, allowed: readonly string[]): string {
  const near = nearestNames(name, allowed);
  return near.length > 0 ? `did you mean ${near.join(' or ')}?` : `it has ${allowed.join(', ')}`;
}

/**
 * Refuses options that do not say where the other side is.
 *
 * @param instead - the options that take the place of `url`
 * @throws TypeError when `url` is no address and none of `instead` is there
 */
export function checkPlace(
  options: { readonly url?: unknown },
  ...instead: readonly ('dial' | 'stream' | 'listen')[]
): void {
  if (instead.some((name) => (options as Record<string, unknown>)[name] !== undefined)) return;
  if (typeof options.url === 'string') return;
  throw new TypeError(
    `url must be an address such as unix:///run/app.sock, got ${typeof options.url}`,
  );
}
