import { loadServices } from 'nestjs-ttrpc/engine';
import { protoPath } from '../protos.js';

/** The service's name. */
export const EVENTS = 'containerd.services.events.ttrpc.v1.Events';

/** The service, and the messages that may be events: those of tasks, and protobuf's own wrappers. */
export const EVENT_PROTOS = [
  protoPath('events-ttrpc.proto'),
  protoPath('events.proto'),
  'google/protobuf/wrappers.proto',
];

export const EVENT_CATALOG = loadServices({ protoPath: EVENT_PROTOS });
