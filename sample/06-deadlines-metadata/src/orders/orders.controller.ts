import { Controller } from '@nestjs/common';
import { GrpcMethod } from '@nestjs/microservices';
import { InjectTtrpcService } from 'nestjs-ttrpc';
import { map, type Observable } from 'rxjs';
import type { Stock } from '../stock/stock.js';
import type { Order, Receipt } from './orders.js';

@Controller()
export class OrdersController {
  constructor(@InjectTtrpcService('stock.Stock') private readonly stock: Stock) {}

  /** The call to the stock takes over what is left of the caller's time: see `propagate`. */
  @GrpcMethod('Orders')
  place({ item }: Order): Observable<Receipt> {
    return this.stock
      .reserve({ name: item })
      .pipe(map(({ text }) => ({ text: `ordered, ${text}` })));
  }
}
