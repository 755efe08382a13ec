// Publishes an event, as a watcher of memory beside the shims may:
//
//   npm run publish-event -- default /tasks/oom containerd.events.TaskOOM '{ "containerId": "c1" }'
import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import { EventPublisher } from './events/event-publisher.js';
import { EventsModule } from './events/events.module.js';

const [namespace, topic, typeName, message] = process.argv.slice(2);
if (namespace === undefined || topic === undefined || typeName === undefined) {
  throw new Error('usage: publish-event <namespace> <topic> <type> [<message as JSON>]');
}

const app = await NestFactory.createApplicationContext(EventsModule, { logger: ['error', 'warn'] });
try {
  const fields = JSON.parse(message ?? '{}') as object;
  await app.get(EventPublisher).publish(namespace, topic, typeName, fields);
  console.log(`published ${topic} in ${namespace}`);
} finally {
  await app.close();
}
