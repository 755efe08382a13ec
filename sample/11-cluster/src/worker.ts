import 'reflect-metadata';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ServerTtrpc } from 'nestjs-ttrpc';
import { SEAL } from './seal.js';
import { SealController } from './seal.controller.js';

@Module({ controllers: [SealController] })
class WorkerModule {}

/** The application of a worker: as without a cluster. The primary holds the socket. */
export async function startWorker(): Promise<void> {
  const app = await NestFactory.createMicroservice(WorkerModule, {
    logger: ['error', 'warn'],
    strategy: new ServerTtrpc({ ...SEAL, socketMode: 0o600, strict: true }),
  });
  app.enableShutdownHooks();
  await app.listen();
}
