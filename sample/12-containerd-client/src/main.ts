import 'reflect-metadata';
import { join } from 'node:path';
import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { AppModule } from './app.module.js';
import { SETTINGS } from './settings.js';

/** The page's own files only, and nobody may frame it. */
const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; frame-ancestors 'none'";

const app = await NestFactory.create<NestExpressApplication>(AppModule, {
  logger: ['error', 'warn'],
  // A page that is open keeps its connection for as long as it likes.
  forceCloseConnections: true,
});
app.enableShutdownHooks();
app.useStaticAssets(join(import.meta.dirname, '../public'), {
  setHeaders: (response) => response.setHeader('content-security-policy', POLICY),
});
await app.listen(SETTINGS.port, '127.0.0.1');
console.log(`tasks of ${SETTINGS.state}: ${await app.getUrl()}`);
