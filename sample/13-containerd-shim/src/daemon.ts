import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import { ServerTtrpc, TtrpcExceptionFilter } from 'nestjs-ttrpc';
import { EventPublisher, ShimLease, type ShimArguments } from 'nestjs-ttrpc/containerd';
import { AppModule } from './app.module.js';
import { LOADER, TASK_PROTOS } from './protos.js';
import { Runc } from './task/runc.js';
import { TaskEvents } from './task/task-events.js';
import { Tasks } from './task/tasks.js';

/** How long calls and events in flight may take at the end, in milliseconds, each. */
const GRACE_MS = 3000;

/** The shim's daemon: serves the containers of one group until the last one is gone. */
export async function serve({ namespace, address, socket }: ShimArguments): Promise<void> {
  const publisher = new EventPublisher({
    // containerd sets it; by hand one may not.
    address: process.env['TTRPC_ADDRESS'] || `${address}.ttrpc`,
    namespace,
    onLost: ({ topic }, error) => console.error(`lost ${topic}: ${error.message}`),
  });
  const tasks = new Tasks(new Runc(namespace), new TaskEvents(publisher));
  const end = async (): Promise<void> => {
    lease.end();
    await app.close();
    await publisher.close({ graceMs: GRACE_MS });
    process.exit();
  };
  const lease = new ShimLease({ isBusy: () => tasks.size > 0, onExpired: () => void end() });
  const app = await NestFactory.createMicroservice(
    AppModule.of(tasks, () => void setImmediate(() => void end())),
    {
      logger: ['error'],
      strategy: new ServerTtrpc({
        url: `unix://${socket}`,
        socketMode: 0o600,
        protoPath: TASK_PROTOS,
        loader: LOADER,
        gracefulShutdown: true,
        graceMs: GRACE_MS,
        onConnect: () => lease.connected(),
        onClose: () => lease.disconnected(),
      }),
    },
  );
  app.useGlobalFilters(new TtrpcExceptionFilter());
  await app.listen();
}
