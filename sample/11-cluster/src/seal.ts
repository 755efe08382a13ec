import { join } from 'node:path';

/** What server and client are told alike. */
export const SEAL = {
  url: 'unix:seal.sock',
  package: 'seal',
  protoPath: join(import.meta.dirname, '../proto/seal.proto'),
} as const;

/** The messages of seal.proto. */
export interface Document {
  text: string;
}

export interface Sealed {
  digest: string;
}
