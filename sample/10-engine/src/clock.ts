import { join } from 'node:path';
import { loadServices } from 'nestjs-ttrpc/engine';

export const ADDRESS = 'unix:clock.sock';

/** The services of clock.proto. */
export const catalog = loadServices({
  protoPath: join(import.meta.dirname, '../proto/clock.proto'),
});

/** The messages of clock.proto. */
export interface Span {
  seconds: number;
}

export interface Time {
  text: string;
}
