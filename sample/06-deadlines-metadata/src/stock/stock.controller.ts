import { setTimeout as sleep } from 'node:timers/promises';
import { Controller } from '@nestjs/common';
import { GrpcMethod, Payload } from '@nestjs/microservices';
import { TtrpcCall, TtrpcMetadata, type TtrpcContext } from 'nestjs-ttrpc';
import { Journal } from './journal.js';
import type { Item, Reservation } from './stock.js';

@Controller()
export class StockController {
  constructor(private readonly journal: Journal) {}

  @GrpcMethod('Stock')
  async reserve(
    @Payload() { name }: Item,
    @TtrpcMetadata('request-id') requestId: string,
    @TtrpcCall() { deadline, signal }: TtrpcContext,
  ): Promise<Reservation> {
    this.journal.note(requestId, `a ${name}, ${timeLeft(deadline)}`);
    if (name === 'piano') await this.fetch(requestId, signal);
    return { text: `a ${name} is reserved` };
  }

  /** Takes a minute, unless nobody waits for it any more. */
  private async fetch(requestId: string, signal: AbortSignal): Promise<void> {
    try {
      await sleep(60_000, undefined, { signal });
    } catch (error) {
      this.journal.note(requestId, 'given up');
      throw error;
    }
  }
}

function timeLeft(deadline: Date | undefined): string {
  if (deadline === undefined) return 'no deadline';
  return `${Math.ceil((deadline.getTime() - Date.now()) / 60_000)} min left at most`;
}
