import { join } from 'node:path';
import {
  ClientGrpcProxy,
  Transport,
  type ClientProvider,
  type MicroserviceOptions,
} from '@nestjs/microservices';
import { ClientTtrpc, ServerTtrpc } from '../../lib/index.js';
import { openGrpc } from './grpc-raw-client.js';
import type { RawClient } from './raw-client.js';
import { openTtrpc } from './ttrpc-raw-client.js';

/** What both transports are told: where, and which services. The same object does for both. */
export interface Place {
  readonly url: string;
  readonly package: string | string[];
  readonly protoPath: string | string[];
  readonly loader?: { readonly keepCase?: boolean; readonly includeDirs?: string[] };
  readonly gracefulShutdown?: boolean;
  /** ttrpc's alone. */
  readonly graceMs?: number;
}

/** Everything that differs between an application on the one transport and on the other. */
export interface ParityTransport {
  readonly name: 'gRPC' | 'ttrpc';
  /** For `createMicroservice` and `connectMicroservice`. */
  server(place: Place): MicroserviceOptions;
  /** For `ClientsModule`, beside a name. */
  client(place: Omit<Place, 'graceMs' | 'gracefulShutdown'>): ClientProvider;
  /** The class of the client that Nest makes of it, as far as both are alike. */
  readonly clientClass: typeof ClientTtrpc;
  /** A client that is not Nest's. */
  raw(place: Place): RawClient;
}

const GRPC: ParityTransport = {
  name: 'gRPC',
  server: (options) => ({ transport: Transport.GRPC, options }),
  client: (options) => ({ transport: Transport.GRPC, options }),
  clientClass: ClientGrpcProxy as unknown as typeof ClientTtrpc,
  raw: openGrpc,
};

const TTRPC: ParityTransport = {
  name: 'ttrpc',
  server: (options) => ({ strategy: new ServerTtrpc(options) }),
  client: (options) => ({ customClass: ClientTtrpc, options }),
  clientClass: ClientTtrpc,
  raw: openTtrpc,
};

/** The application runs under each. */
export const TRANSPORTS: readonly ParityTransport[] = [GRPC, TTRPC];

const proto = (file: string): string => join(import.meta.dirname, 'proto', file);

export const KINDS = { package: 'kinds', protoPath: proto('kinds.proto') };
export const HEROES = { package: 'heroes', protoPath: proto('heroes.proto') };
export const SUMS = {
  package: ['sums', 'sums2'],
  protoPath: [proto('sums.proto'), proto('sums2.proto')],
};
export const VERSIONS = {
  package: ['versions.v1', 'versions.v2'],
  protoPath: [proto('versions_v1.proto'), proto('versions_v2.proto')],
};
export const SHOP = {
  package: 'shop',
  protoPath: 'root.proto',
  loader: { keepCase: true, includeDirs: [proto('shop')] },
};
