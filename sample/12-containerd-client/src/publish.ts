// Publishes a text as an event:
//
//   npm run publish-event -- default /operator/note "the node is drained"
import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import { EventPublisher } from './events/event-publisher.js';
import { EventsModule } from './events/events.module.js';

const [namespace = 'default', topic = '/operator/note', value = 'hello'] = process.argv.slice(2);

const app = await NestFactory.createApplicationContext(EventsModule, { logger: ['error', 'warn'] });
const publisher = app.get(EventPublisher);
await publisher.publish(namespace, topic, 'google.protobuf.StringValue', { value });
console.log(`published ${topic} in ${namespace}`);
await app.close();
