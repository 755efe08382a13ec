import { ClientGrpcProxy, Transport } from '@nestjs/microservices';
import { firstValueFrom } from 'rxjs';

import {
  BenchController,
  observableClient,
  PourController,
  serveNest,
  type BenchService,
} from './nest-app.js';
import { NOTE, PROTO_FILE, PROTO_PACKAGE, type Peer } from './peer.js';

const DEFINITION = { package: PROTO_PACKAGE, protoPath: PROTO_FILE };

/** Nest's own gRPC transport. */
export const nestGrpc: Peer = {
  async serve(path) {
    const options = { url: `unix://${path}`, ...DEFINITION };
    await serveNest({ transport: Transport.GRPC, options }, [BenchController, PourController]);
  },

  async connect(path) {
    const client = new ClientGrpcProxy({
      url: `unix://${path}`,
      ...DEFINITION,
      // Otherwise all clients of a process share one connection.
      channelOptions: { 'grpc.use_local_subchannel_pool': 1 },
    });
    const service = client.getService<BenchService>('Bench');
    await firstValueFrom(service.echo(NOTE));
    return observableClient(service, NOTE);
  },
};
