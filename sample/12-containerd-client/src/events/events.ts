import { loadServices } from 'nestjs-ttrpc/engine';
import { protoPath } from '../protos.js';

/** The service's name. */
export const EVENTS = 'containerd.services.events.ttrpc.v1.Events';

/** The service, and the messages of events. Messages of your own work for listeners that know them. */
export const EVENT_PROTOS = [protoPath('events-ttrpc.proto'), protoPath('events.proto')];

export const EVENT_CATALOG = loadServices({ protoPath: EVENT_PROTOS });
