import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import { ServerTtrpc } from 'nestjs-ttrpc';
import { ClientModule } from './client/client.module.js';
import { Tour } from './client/tour.js';
import { HERO } from './hero.js';
import { ServerModule } from './server/server.module.js';

const server = await NestFactory.createMicroservice(ServerModule, {
  logger: ['error', 'warn'],
  strategy: new ServerTtrpc({ ...HERO, strict: true }),
});
await server.listen();

// In life this would be another process: see 01-four-kinds.
const client = await NestFactory.createApplicationContext(ClientModule, {
  logger: ['error', 'warn'],
});
await client.get(Tour).run();

await client.close();
await server.close();
