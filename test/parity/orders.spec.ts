import { Controller, Get, Inject } from '@nestjs/common';
import {
  GrpcMethod,
  GrpcStreamCall,
  GrpcStreamMethod,
  type ClientGrpc,
} from '@nestjs/microservices';
import {
  Metadata,
  type sendUnaryData,
  type ServerDuplexStream,
  type ServerReadableStream,
} from '@grpc/grpc-js';
import { map, ReplaySubject, take, type Observable } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { CLIENT, startHybrid } from './application.js';
import { recorded } from './differences.js';
import { SHOP, TRANSPORTS, type ParityTransport } from './transports.js';

const SERVICE = 'shop.orders.OrderService';

interface Order {
  readonly order_id: number;
  readonly item_kinds?: number[];
  readonly ship_to?: { readonly street_name: string };
}

interface Receipt {
  readonly order_ids: number[];
}

interface Orders {
  find(order: Order): Observable<Order>;
  import(orders: Observable<Order>): Observable<Receipt>;
}

const FOUND: Order = { order_id: 2, item_kinds: [1, 2, 1], ship_to: { street_name: 'Main' } };

@Controller()
class OrdersController {
  readonly #client: ClientGrpc;

  constructor(@Inject(CLIENT) client: ClientGrpc) {
    this.#client = client;
  }

  @Get('/find')
  overHttp(): Observable<Order> {
    return this.#orders().find({ order_id: 2 });
  }

  @Get('/import')
  importOverHttp(): Observable<Receipt> {
    const orders = new ReplaySubject<Order>();
    orders.next({ order_id: 1 });
    orders.next({ order_id: 2 });
    orders.complete();
    return this.#orders().import(orders);
  }

  @GrpcMethod('orders.OrderService')
  find({ order_id }: Order): Order {
    return { ...FOUND, order_id };
  }

  @GrpcStreamMethod('orders.OrderService')
  sync(
    orders: Observable<Order>,
    _metadata: Metadata,
    call: ServerDuplexStream<Order, Order>,
  ): Observable<Order> {
    const headers = new Metadata();
    headers.add('Set-Cookie', 'test_cookie=abcd');
    call.sendMetadata(headers);
    return orders.pipe(map(({ order_id }) => ({ order_id: order_id + 1 })));
  }

  @GrpcStreamCall('orders.OrderService')
  syncRaw(call: ServerDuplexStream<Order, Order>): void {
    call.sendMetadata(new Metadata());
    call.on('data', ({ order_id }: Order) => {
      call.write({ order_id: order_id + 1 });
      call.end();
    });
  }

  @GrpcStreamMethod('orders.OrderService')
  import(orders: Observable<Order>): Observable<Receipt> {
    return orders.pipe(
      take(2),
      map(({ order_id }, index) => ({ order_ids: [order_id, index] })),
    );
  }

  @GrpcStreamCall('orders.OrderService')
  importRaw(call: ServerReadableStream<Order, Receipt>, callback: sendUnaryData<Receipt>): void {
    const order_ids: number[] = [];
    call.on('data', ({ order_id }: Order) => order_ids.push(order_id));
    call.on('end', () => callback(null, { order_ids }));
  }

  #orders(): Orders {
    return this.#client.getService<Orders>('OrderService');
  }
}

/** Nest's gRPC client finds a service in a nested package by that package only. */
const serve = (transport: ParityTransport) =>
  startHybrid(transport, SHOP, [OrdersController], {
    clientPlace: { package: 'shop.orders' },
  });

describe.each(TRANSPORTS)('orders over $name', (transport) => {
  it('(9) answers HTTP with the response of a service in a nested package', async () => {
    const { get } = await serve(transport);
    expect(await get('/find')).toEqual(FOUND);
  });

  it('(10) answers HTTP with the response to a ReplaySubject', async () => {
    const { get } = await serve(transport);
    expect(await get('/import')).toEqual({ order_ids: [2, 1] });
  });

  it('(11) brings enums and nested messages as they are', async () => {
    const { raw } = await serve(transport);
    const call = raw.open(SERVICE, 'Find', { request: { order_id: 2 } });
    expect([await call.ended, call.received]).toEqual(['OK', [FOUND]]);
  });

  it('(12) lets a handler send header metadata', async () => {
    const { raw } = await serve(transport);
    const call = raw.open(SERVICE, 'Sync');
    call.send({ order_id: 1 });
    expect(await call.first).toEqual({ order_id: 2 });
    call.endSending();
    expect(await call.ended).toBe('OK');
    const cookie = call.headers['set-cookie'] === undefined ? 'do not arrive' : 'arrive';
    expect(cookie).toBe(recorded('response-headers', transport));
  });

  it('(13) answers a stream from a handler with the raw call, which ends it', async () => {
    const { raw } = await serve(transport);
    const call = raw.open(SERVICE, 'SyncRaw');
    call.send({ order_id: 1 });
    expect([await call.ended, call.received]).toEqual(['OK', [{ order_id: 2 }]]);
  });

  it('(14) answers a stream of requests before its end', async () => {
    const { raw } = await serve(transport);
    const call = raw.open(SERVICE, 'Import');
    call.send({ order_id: 1 });
    call.send({ order_id: 2 });
    expect([await call.ended, call.received]).toEqual(['OK', [{ order_ids: [2, 1] }]]);
  });

  it('(15) answers a stream of requests through the callback', async () => {
    const { raw } = await serve(transport);
    const call = raw.open(SERVICE, 'ImportRaw');
    call.send({ order_id: 1 });
    call.send({ order_id: 2 });
    call.endSending();
    expect([await call.ended, call.received]).toEqual(['OK', [{ order_ids: [1, 2] }]]);
  });
});
