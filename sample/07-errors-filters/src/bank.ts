import { join } from 'node:path';
import type { CallOptions } from 'nestjs-ttrpc';

/** What server and client are told alike. */
export const BANK = {
  url: 'unix:bank.sock',
  package: 'bank',
  protoPath: join(import.meta.dirname, '../proto/bank.proto'),
  loader: { defaults: true },
} as const;

/** The messages of bank.proto. */
export interface Transfer {
  from: string;
  to: string;
  amount: number;
}

export interface Receipt {
  text: string;
}

/** What the client's stub of bank.Bank has, for `await`. */
export interface Bank {
  transfer(request: Partial<Transfer>, options?: CallOptions): Promise<Receipt>;
  audit(request: object, options?: CallOptions): Promise<Receipt>;
}
