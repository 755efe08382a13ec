import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import { Transport, type ClientGrpc } from '@nestjs/microservices';
import { ServerTtrpc } from 'nestjs-ttrpc';
import { firstValueFrom } from 'rxjs';
import { AppModule } from './app.module.js';
import { ClientModule } from './client.module.js';
import { freePort } from './free-port.js';
import { HERO, SOCKET, type HeroService } from './hero.js';

const grpcUrl = `127.0.0.1:${await freePort()}`;

// It listens for no HTTP: that would take `app.listen()`.
const app = await NestFactory.create(AppModule, { logger: ['error', 'warn'] });
app.connectMicroservice({ strategy: new ServerTtrpc({ ...HERO, url: SOCKET, strict: true }) });
app.connectMicroservice({ transport: Transport.GRPC, options: { ...HERO, url: grpcUrl } });
await app.startAllMicroservices();

const clients = await NestFactory.createApplicationContext(ClientModule.register(grpcUrl), {
  logger: ['error', 'warn'],
});
for (const transport of ['ttrpc', 'gRPC']) {
  const heroes = clients.get<ClientGrpc>(transport).getService<HeroService>('HeroService');
  for (const id of [1, 2]) console.log(`${transport}, findOne(${id}): ${await answer(heroes, id)}`);
}

await clients.close();
await app.close();

async function answer(heroes: HeroService, id: number): Promise<string> {
  try {
    return JSON.stringify(await firstValueFrom(heroes.findOne({ id })));
  } catch (error) {
    // grpc-js's error and ours have the same shape.
    const { code, details } = error as { code: number; details: string };
    return `${code}, ${details}`;
  }
}
