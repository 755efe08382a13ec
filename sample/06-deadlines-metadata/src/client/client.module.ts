import { Module } from '@nestjs/common';
import { TtrpcModule } from 'nestjs-ttrpc';
import { ORDERS } from '../orders/orders.js';
import { Tour } from './tour.js';

@Module({
  imports: [
    TtrpcModule.register({ ...ORDERS, isGlobal: true }),
    TtrpcModule.forFeature(['orders.Orders']),
  ],
  providers: [Tour],
})
export class ClientModule {}
