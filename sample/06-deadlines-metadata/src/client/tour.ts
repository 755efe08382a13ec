import { Injectable } from '@nestjs/common';
import { InjectTtrpcService, isTtrpcError, statusName, type CallOptions } from 'nestjs-ttrpc';
import { firstValueFrom } from 'rxjs';
import type { Orders } from '../orders/orders.js';

@Injectable()
export class Tour {
  private requests = 0;

  constructor(@InjectTtrpcService('orders.Orders') private readonly orders: Orders) {}

  async run(): Promise<void> {
    await this.order('flute', {});
    await this.order('drum', { timeoutMs: 60 * 60_000 });
    // Ends here, in the orders and in the stock.
    await this.order('piano', { timeoutMs: 1000 });
    // ttrpc has no frame for cancelling: a server learns of it by the deadline or, as this call has
    // none, when the connection ends.
    await this.order('piano', { signal: AbortSignal.timeout(500) });
  }

  private async order(item: string, options: CallOptions): Promise<void> {
    const metadata = { 'request-id': String(++this.requests) };
    try {
      const { text } = await firstValueFrom(this.orders.place({ item }, { ...options, metadata }));
      console.log(`client: ${text}`);
    } catch (error) {
      if (!isTtrpcError(error)) throw error;
      console.log(`client: ${statusName(error.code)}, ${error.details}`);
    }
  }
}
