import { join } from 'node:path';
import type { CallOptions } from 'nestjs-ttrpc';
import type { Observable } from 'rxjs';

export const STOCK = {
  url: 'unix:stock.sock',
  package: 'stock',
  protoPath: join(import.meta.dirname, '../../proto/stock.proto'),
} as const;

/** The messages of stock.proto. */
export interface Item {
  name: string;
}

export interface Reservation {
  text: string;
}

/** What the client's stub of stock.Stock has. */
export interface Stock {
  reserve(item: Item, options?: CallOptions): Observable<Reservation>;
}
