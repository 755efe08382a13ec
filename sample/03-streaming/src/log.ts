import { join } from 'node:path';

/** What server and client are told alike. */
export const LOG = {
  url: 'unix:log.sock',
  package: 'log',
  protoPath: join(import.meta.dirname, '../proto/log.proto'),
  loader: { defaults: true },
} as const;

/** The messages of log.proto. */
export interface TailRequest {
  lines: number;
}

export interface Line {
  number: number;
  text: string;
}

export interface Summary {
  lines: number;
  outOfOrder: number;
}
