import { Injectable } from '@nestjs/common';
import { InjectTtrpcPromiseService, isTtrpcError, statusName } from 'nestjs-ttrpc';
import type { Bank, Receipt } from '../bank.js';

@Injectable()
export class Tour {
  constructor(@InjectTtrpcPromiseService('bank.Bank') private readonly bank: Bank) {}

  async run(): Promise<void> {
    const { bank } = this;
    await show('fine', bank.transfer({ from: 'Ada', to: 'Grace', amount: 10 }));
    await show('HttpException', bank.transfer({ from: 'Ada', to: 'Bob', amount: 10 }));
    await show('ValidationPipe', bank.transfer({ from: 'Ada', amount: -10 }));
    await show('details', bank.transfer({ from: 'Grace', to: 'Ada', amount: 50 }));
    await show('map', bank.transfer({ from: 'Mallory', to: 'Ada', amount: 1 }));
    await show('guard', bank.audit({}));
    // Its text is logged, and nobody is told.
    await show('any error', bank.audit({}, { metadata: { password: 'swordfish' } }));
  }
}

async function show(what: string, call: Promise<Receipt>): Promise<void> {
  try {
    console.log(`${what}: ${(await call).text}`);
  } catch (error) {
    if (!isTtrpcError(error)) throw error;
    console.log(`${what}: ${statusName(error.code)}, ${error.details}`);
    if (error.kind !== 'ttrpc.status') return;
    // Decoded, since bank.proto has their types.
    for (const { typeUrl, message } of error.status.details) {
      console.log(`  ${typeUrl}: ${JSON.stringify(message)}`);
    }
  }
}
