import { Module } from '@nestjs/common';
import { TtrpcModule } from 'nestjs-ttrpc';
import { SETTINGS } from '../settings.js';
import { EventPublisher } from './event-publisher.js';
import { EVENTS, EVENT_PROTOS } from './events.js';

@Module({
  imports: [
    TtrpcModule.register({ url: SETTINGS.events, protoPath: EVENT_PROTOS, features: [EVENTS] }),
  ],
  providers: [EventPublisher],
  exports: [EventPublisher],
})
export class EventsModule {}
