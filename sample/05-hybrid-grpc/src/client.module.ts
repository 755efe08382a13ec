import { Module, type DynamicModule } from '@nestjs/common';
import { ClientsModule, Transport } from '@nestjs/microservices';
import { ClientTtrpc } from 'nestjs-ttrpc';
import { HERO, SOCKET } from './hero.js';

/** A client of each transport; both are a `ClientGrpc`. */
@Module({})
export class ClientModule {
  static register(grpcUrl: string): DynamicModule {
    return {
      module: ClientModule,
      imports: [
        ClientsModule.register([
          { name: 'ttrpc', customClass: ClientTtrpc, options: { ...HERO, url: SOCKET } },
          { name: 'gRPC', transport: Transport.GRPC, options: { ...HERO, url: grpcUrl } },
        ]),
      ],
    };
  }
}
