import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import { ServerTtrpc } from 'nestjs-ttrpc';
import { ClientModule } from './client/client.module.js';
import { Tour } from './client/tour.js';
import { ORDERS } from './orders/orders.js';
import { OrdersModule } from './orders/orders.module.js';
import { Journal } from './stock/journal.js';
import { STOCK } from './stock/stock.js';
import { StockModule } from './stock/stock.module.js';

// In life these would be three processes: the client asks the orders, which ask the stock.
const stock = await NestFactory.createMicroservice(StockModule, {
  logger: ['error', 'warn'],
  strategy: new ServerTtrpc({ ...STOCK, strict: true }),
});
await stock.listen();
const orders = await NestFactory.createMicroservice(OrdersModule, {
  logger: ['error', 'warn'],
  strategy: new ServerTtrpc({ ...ORDERS, strict: true }),
});
await orders.listen();
const client = await NestFactory.createApplicationContext(ClientModule, {
  logger: ['error', 'warn'],
});

await client.get(Tour).run();

await client.close();
await orders.close();
await stock.close();
for (const line of stock.get(Journal).lines) console.log(`stock: ${line}`);
