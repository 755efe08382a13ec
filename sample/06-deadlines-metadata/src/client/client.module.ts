import { Module } from '@nestjs/common';
import { TtrpcModule } from 'nestjs-ttrpc';
import { ORDERS } from '../orders/orders.js';
import { Tour } from './tour.js';

@Module({
  imports: [TtrpcModule.register({ ...ORDERS, features: ['orders.Orders'] })],
  providers: [Tour],
})
export class ClientModule {}
