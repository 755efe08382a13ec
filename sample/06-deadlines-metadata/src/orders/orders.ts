import { join } from 'node:path';
import type { CallOptions } from 'nestjs-ttrpc';
import type { Observable } from 'rxjs';

export const ORDERS = {
  url: 'unix:orders.sock',
  package: 'orders',
  protoPath: join(import.meta.dirname, '../../proto/orders.proto'),
} as const;

/** The messages of orders.proto. */
export interface Order {
  item: string;
}

export interface Receipt {
  text: string;
}

/** What the client's stub of orders.Orders has. */
export interface Orders {
  place(order: Order, options?: CallOptions): Observable<Receipt>;
}
