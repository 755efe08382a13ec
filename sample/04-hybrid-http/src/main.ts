import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import { ServerTtrpc, TtrpcExceptionFilter, TtrpcToHttpInterceptor } from 'nestjs-ttrpc';
import { AppModule } from './app.module.js';
import { HERO } from './hero/hero.js';

const app = await NestFactory.create(AppModule, { logger: ['error', 'warn'] });
// Makes NOT_FOUND of the NotFoundException of a ttrpc handler, and leaves HTTP alone.
app.useGlobalFilters(new TtrpcExceptionFilter());
// Makes 404 of NOT_FOUND again where an HTTP handler lets its call fail, and leaves ttrpc alone.
app.useGlobalInterceptors(new TtrpcToHttpInterceptor());
app.connectMicroservice(
  { strategy: new ServerTtrpc({ ...HERO, strict: true }) },
  { inheritAppConfig: true },
);
await app.startAllMicroservices();
await app.listen(0, '127.0.0.1');

const url = await app.getUrl();
for (const path of ['/heroes/1', '/heroes/2', '/heroes/two']) {
  const response = await fetch(url + path);
  console.log(`GET ${path}: ${response.status} ${await response.text()}`);
}

await app.close();
