import { Controller, Logger, type LoggerService } from '@nestjs/common';
import { GrpcMethod } from '@nestjs/microservices';
import { credentials, type Server } from '@grpc/grpc-js';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ending, newUrl, start } from './application.js';
import { recorded, type DifferenceId } from './differences.js';
import type { Kinds, Text } from './kinds.js';
import { KINDS, TRANSPORTS, type ParityTransport, type Place } from './transports.js';

const warnings: unknown[] = [];
const RECORDING: LoggerService = {
  log: () => undefined,
  error: () => undefined,
  warn: (message: unknown) => warnings.push(message),
};

beforeEach(() => Logger.overrideLogger(RECORDING));
afterEach(() => {
  warnings.length = 0;
  Logger.overrideLogger(false);
});

@Controller()
class Echoing {
  @GrpcMethod('Kinds')
  one(text: Text): Text {
    return text;
  }
}

/** What becomes of options that Nest's gRPC transport has, on a client. */
async function fateOf({ clientClass }: ParityTransport, options: object): Promise<string> {
  try {
    const client = new clientClass({ ...KINDS, url: newUrl(), ...options });
    // Nobody listens there; what there is to say of the options is said by then.
    await ending(client.getService<Kinds>('Kinds').one({}));
    await client.close();
  } catch {
    return 'refused';
  }
  return warnings.length > 0 ? 'ignored, with a warning' : 'taken';
}

const OPTIONS: readonly (readonly [DifferenceId, object])[] = [
  ['tls', { credentials: credentials.createSsl() }],
  ['keepalive', { keepalive: { keepaliveTimeMs: 1000 } }],
  ['compression', { channelOptions: { 'grpc.default_compression_algorithm': 2 } }],
  ['load-balancing', { channelOptions: { 'grpc.service_config': '{}' } }],
];

describe.each(TRANSPORTS)('options over $name', (transport) => {
  it.each(OPTIONS)('have the fate that is recorded: %s', async (id, options) => {
    expect(await fateOf(transport, options)).toBe(recorded(id, transport));
  });

  it.each([
    { maxSendMessageLength: 1_000_000, maxReceiveMessageLength: 1_000_000 },
    { maxMetadataSize: 10_000 },
    { channelOptions: { 'grpc.max_reconnect_backoff_ms': 1000 } },
    { credentials: credentials.createInsecure() },
    { loader: { keepCase: true, defaults: true } },
  ])('are taken: %o', async (options) => {
    expect(await fateOf(transport, options)).toBe('taken');
  });

  it('lets a user see the definition that was loaded, and the server', async () => {
    const seen: unknown[] = [];
    const serverPlace = {
      onLoadPackageDefinition: (definition: object, server: Server) =>
        seen.push('kinds.Kinds' in definition, typeof server.addService),
    } as Partial<Place>;
    await start(transport, KINDS, [Echoing], { serverPlace });
    expect(seen).toEqual([true, 'function']);
  });

  it('brings a message of more than 4 MiB as recorded', async () => {
    const unlimited = { maxSendMessageLength: -1, maxReceiveMessageLength: -1 };
    const { client } = await start(transport, KINDS, [Echoing], { place: unlimited as object });
    const { one } = client.getService<Kinds>('Kinds');
    expect(await ending(one({ text: 'x'.repeat(3_000_000) }))).toBe('OK');
    const ended = await ending(one({ text: 'x'.repeat(5_000_000) }));
    expect(ended === 'OK' ? 'arrives' : 'refused').toBe(recorded('large-message', transport));
  });
});
