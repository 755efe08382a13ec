import 'reflect-metadata';
import { Logger } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { getTtrpcPromiseServiceToken, ServerTtrpc } from 'nestjs-ttrpc';
import { NriLink, nriIdentity } from 'nestjs-ttrpc/containerd';
import { NRI, type RuntimeService } from './nri.js';
import { PluginModule } from './plugin/plugin.module.js';

// Of a plugin that the runtime has launched, its environment says all of this.
const { address, ...identity } = nriIdentity({ name: 'env', index: '10' });
const logger = new Logger('NRI');

const link = new NriLink({
  address: process.argv[2] ?? address,
  onRegistered: () => logger.log(`registered as ${identity.pluginIdx}-${identity.pluginName}`),
  onLost: (error) => logger.warn(`not connected: ${error?.message ?? 'the connection was closed'}`),
});
const app = await NestFactory.createMicroservice(PluginModule.register(link), {
  strategy: new ServerTtrpc({ ...NRI, listen: link.listen }),
});
app.enableShutdownHooks();
await app.listen();

const runtime = app.get<RuntimeService>(getTtrpcPromiseServiceToken('Runtime'), { strict: false });
try {
  await link.run((options) => runtime.registerPlugin(identity, options));
} finally {
  await app.close();
}
